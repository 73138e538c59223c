"""What is written down of callers: the audit log's entries and the ledger's lines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to what, from where, and how it ended. `id` grows with time.

    `action` is "login", or a method and a route; `outcome` "ok", "failed" or an HTTP status.
    """

    id: int = 0
    at_s: float
    principal: str
    address: str
    action: str
    target: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guesses:
    """Logins that failed lately, and when the last one was: of a user, and from an address.

    For the user those since the last that succeeded.
    """

    by_user: int = 0
    user_last_s: float = 0.0
    by_address: int = 0
    address_last_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageKey:
    """What is counted together: a day in UTC, a caller (`Principal.id`) and a model's uid."""

    day: str
    principal: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageCount:
    """Requests that reached an engine, and their tokens as it counted them."""

    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    def __add__(self, other: UsageCount) -> UsageCount:
        return UsageCount(
            requests=self.requests + other.requests,
            tokens_in=self.tokens_in + other.tokens_in,
            tokens_out=self.tokens_out + other.tokens_out,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuery:
    """Which lines of the ledger: None or empty is all. Days are inclusive, `2026-11-20`."""

    principals: tuple[str, ...] | None = None
    model: str = ""
    first_day: str = ""
    last_day: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """Which entries: empty is all; newest first, at most `limit`, older than the id `before`."""

    principal: str = ""
    action: str = ""
    target: str = ""
    since_s: float = 0.0
    before: int = 0
    limit: int = 100
