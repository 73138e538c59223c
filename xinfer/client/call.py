"""A call as a value: everything an executor needs to know, so that each call is written once."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, TypeVar
from urllib.parse import quote

from xinfer.client.errors import ClientError

Json = Any
"""A decoded JSON value; nested, so the type checker is not asked to follow it."""

P = ParamSpec("P")
T = TypeVar("T")
Item = TypeVar("Item")
F = TypeVar("F", bound=Callable[..., Any])

SHORT_S = 60.0
"""How long a management call may be silent before it counts as broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What goes out. `what` completes "Failed to …"; `path` is already quoted.

    `silence_s` bounds the wait for the next byte; None waits for as long as it takes. With `files`
    (field, then name, bytes and type) the request is a form of `form` and these, not a JSON `body`.
    """

    what: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Json = None
    form: Mapping[str, Json] = field(default_factory=dict)
    files: Sequence[tuple[str, tuple[str, bytes, str]]] = ()
    silence_s: float | None = SHORT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Request, Generic[T]):
    """A request with one reply, which `decode` turns into the result: from JSON, or from bytes."""

    decode: Callable[[Json], T]
    binary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamCall(Request, Generic[T]):
    """A request whose reply comes in lines, or in pieces of bytes.

    `decode` returns an item, or None for "not one".
    """

    decode: Callable[[Json], T | None]
    binary: bool = False


def same(document: Json) -> Json:
    """Decode to the document itself."""
    return document


def nothing(_: Json) -> None:
    """Decode a reply that says nothing beyond its status."""


def path(*parts: str | int) -> str:
    """`/a/b` with every part quoted, so that a uid can hold any character."""
    return "/" + "/".join(quote(str(part), safe="") for part in parts)


def given(**values: Json) -> dict[str, Json]:
    """The values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def query(**values: str | int | bool | None) -> dict[str, str]:
    """A query string's parts; None is left out, booleans become `true` and `false`."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in values.items()
        if value is not None
    }


def server_event(what: str) -> Callable[[str], Json | None]:
    """A decoder of server-sent events; it raises ClientError for an error within the stream."""

    def decode(line: str) -> Json | None:
        data = line[5:].strip() if line.startswith("data:") else ""
        if not data or data == "[DONE]":
            return None
        try:
            chunk = json.loads(data)
        except ValueError as error:
            raise ClientError(what, f"a line of the stream is not JSON: {data[:200]}") from error
        problem = chunk.get("error") if isinstance(chunk, dict) else None
        if problem is not None:
            detail = problem.get("message") if isinstance(problem, dict) else problem
            raise ClientError(what, str(detail), status=500)
        return chunk

    return decode


def documented(method: F, describe: Callable[..., Any], *, bound: int = 0) -> F:
    """Give an executor's method the name, signature and docstring of the call it runs.

    `bound` leading parameters are supplied by the object that the method belongs to.
    """
    signature = inspect.signature(describe)
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    rest = list(signature.parameters.values())[bound:]
    method.__name__ = method.__qualname__ = describe.__name__
    method.__doc__ = describe.__doc__
    method.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[own, *rest], return_annotation=inspect.Signature.empty
    )
    return method
