"""One operation of the API, as its table says it; what it needs is said in `api/scopes.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypedDict

JSON = "application/json"
NULL: Any = type(None)
"""The type of a reply that says nothing."""


class Done(TypedDict):
    """It is done."""

    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query parameter; `kind` is a type that msgspec can describe."""

    name: str
    kind: Any
    doc: str
    required: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A JSON body of `kind`. `example` is one that works."""

    kind: Any
    required: bool = True
    example: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`path` is the template of the route. `reply` is the type of a JSON reply, or None where
    `content` says what comes instead (media type to what it holds; empty for no body).

    `status` is that of success; one of 400 and above says that there is none. `errors` are the
    statuses that this operation adds to those that its access and body bring, `replies` the types
    of replies that are no failures in form but have another status.
    """

    method: str
    path: str
    summary: str
    doc: str = ""
    query: tuple[Query, ...] = ()
    body: Body | None = None
    status: int = 200
    reply: Any = None
    content: dict[str, str] = field(default_factory=dict)
    errors: tuple[int, ...] = ()
    replies: dict[int, Any] = field(default_factory=dict)
