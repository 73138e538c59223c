"""What callers use, counted in memory and added to the ledger; and allowances that bound it."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from xinfer.domain.identity import Principal
from xinfer.domain.ports import UsageStore
from xinfer.domain.rate import Allowance, Bucket, day_of, month_of, next_month_s
from xinfer.domain.record import UsageCount, UsageKey
from xinfer.errors import Limited, StoreFailed

log = logging.getLogger("xinfer.usage")

FLUSH_S = 2.0
_NOTHING = UsageCount()


@dataclass(slots=True, kw_only=True)
class _Account:
    """The buckets of one caller under one allowance."""

    allowance: Allowance
    requests: Bucket | None
    tokens: Bucket | None


@dataclass(frozen=True, slots=True)
class Metered:
    """One caller at this process's meter, as the gateway knows callers."""

    meter: Meter
    principal: Principal

    @property
    def id(self) -> str:
        """Who it is."""
        return self.principal.id

    def admit(self, uid: str) -> None:
        """Raises Forbidden or Limited."""
        self.meter.admit(self.principal, uid)

    def spent(self, uid: str, tokens_in: int, tokens_out: int) -> None:
        """Count one request that reached an engine."""
        self.meter.spent(self.principal, uid, tokens_in, tokens_out)


class Meter:
    """One per process. `share` is over how many processes an allowance per minute is divided.

    `clock` gives unix seconds.
    """

    def __init__(
        self, store: UsageStore, *, share: int = 1, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._share = share
        self._clock = clock
        self._accounts: dict[str, _Account] = {}
        self._counts: dict[UsageKey, UsageCount] = {}
        self._month = ""
        self._month_tokens: dict[str, int] = {}

    def admit(self, principal: Principal, uid: str) -> None:
        """Let one request for a model in. Raises Forbidden, or Limited with the time to wait."""
        principal.require_model(uid)
        allowance = principal.allowance
        if allowance.is_unlimited:
            return
        now_s = self._clock()
        account = self._account(principal, now_s)
        if allowance.tokens_per_month is not None:
            self._check_month(principal.id, allowance.tokens_per_month, now_s)
        if account.tokens is not None:
            _check(account.tokens, now_s, f"{allowance.tokens_per_minute} tokens per minute")
        if account.requests is not None:
            _check(account.requests, now_s, f"{allowance.requests_per_minute} requests per minute")
            account.requests.take(now_s)

    def spent(self, principal: Principal, uid: str, tokens_in: int, tokens_out: int) -> None:
        """Count one request that reached an engine."""
        now_s = self._clock()
        key = UsageKey(day=day_of(now_s), principal=principal.id, model=uid)
        count = UsageCount(requests=1, tokens_in=tokens_in, tokens_out=tokens_out)
        self._counts[key] = self._counts.get(key, _NOTHING) + count
        if principal.allowance.is_unlimited:
            return
        tokens = tokens_in + tokens_out
        bucket = self._account(principal, now_s).tokens
        if bucket is not None:
            bucket.take(now_s, tokens)
        if principal.id in self._month_tokens:
            self._month_tokens[principal.id] += tokens

    def flush(self) -> None:
        """Add what was counted to the ledger, and learn what other processes added.

        Raises StoreFailed; the counts are then kept for the next time.
        """
        counts, self._counts = self._counts, {}
        try:
            self._store.add(counts)
        except StoreFailed:
            for key, count in counts.items():
                self._counts[key] = self._counts.get(key, _NOTHING) + count
            raise
        self._learn_month(self._month_tokens, self._clock())

    def run(self) -> None:
        """Flush every two seconds, for ever."""
        complaint = ""
        while True:
            time.sleep(FLUSH_S)
            try:
                self.flush()
                complaint = ""
            except StoreFailed as error:
                if complaint != str(error):
                    log.error("Usage is counted in memory only: %s", error)
                complaint = str(error)

    def _account(self, principal: Principal, now_s: float) -> _Account:
        """The buckets of a caller; new ones after its allowance was changed."""
        known = self._accounts.get(principal.id)
        if known is None or known.allowance != principal.allowance:
            allowance = principal.allowance
            known = self._accounts[principal.id] = _Account(
                allowance=allowance,
                requests=self._bucket(allowance.requests_per_minute, now_s),
                tokens=self._bucket(allowance.tokens_per_minute, now_s),
            )
        return known

    def _bucket(self, per_minute: int | None, now_s: float) -> Bucket | None:
        return None if per_minute is None else Bucket(per_minute / self._share, now_s)

    def _check_month(self, principal_id: str, quota: int, now_s: float) -> None:
        if self._month != month_of(now_s):
            self._month, self._month_tokens = month_of(now_s), {}
        if principal_id not in self._month_tokens:
            # Unknown counts as nothing while the store cannot be read: serving goes on.
            self._month_tokens[principal_id] = 0
            with suppress(StoreFailed):
                self._learn_month([principal_id], now_s)
        if self._month_tokens[principal_id] >= quota:
            raise Limited(
                f"Rate limit reached: the quota of {quota} tokens per month is used up.",
                "Ask for a larger one.",
                retry_after_s=next_month_s(now_s),
            )

    def _learn_month(self, principals: Iterable[str], now_s: float) -> None:
        """What the ledger says of these callers, and what is not in it yet."""
        wanted = list(principals)
        if not wanted or self._month != month_of(now_s):
            return
        stored = self._store.tokens(self._month, wanted)
        for principal_id in wanted:
            self._month_tokens[principal_id] = stored.get(principal_id, 0)
        for key, count in self._counts.items():
            if key.principal in wanted:
                self._month_tokens[key.principal] += count.tokens_in + count.tokens_out


def _check(bucket: Bucket, now_s: float, limit: str) -> None:
    wait_s = bucket.wait_s(now_s)
    if wait_s > 0:
        raise Limited(
            f"Rate limit reached: {limit}.",
            f"Try again in {max(1, math.ceil(wait_s))} s.",
            retry_after_s=wait_s,
        )
