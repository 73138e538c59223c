"""Runs calls one after the other in the caller's thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Concatenate, Generic, Self

import httpx

from xinfer.client.call import Call, Item, P, StreamCall, T, documented
from xinfer.client.connection import Address, decoded, request_options, unreachable
from xinfer.client.errors import refusal


class Stream(Iterator[T], Generic[T]):
    """Items of a reply as they arrive; none after it was closed.

    Closing it, or dropping it, stops the server's work: leaving a loop over it is enough.
    """

    def __init__(self, call: StreamCall[T], response: httpx.Response, base_url: str) -> None:
        self._call = call
        self._response = response
        self._pieces = response.iter_bytes() if call.binary else response.iter_lines()
        self._base_url = base_url
        self._is_closed = False

    def __next__(self) -> T:
        item: T | None = None
        try:
            item = self._following()
        finally:
            # The end of the reply and an exception of any kind, Ctrl-C too, both close it.
            if item is None:
                self.close()
        if item is None:
            raise StopIteration
        return item

    def _following(self) -> T | None:
        # Lines that came with the last one are still there after the end.
        if self._is_closed:
            return None
        try:
            for piece in self._pieces:
                item = self._call.decode(piece)
                if item is not None:
                    return item
        except httpx.HTTPError as error:
            raise unreachable(self._call.what, self._base_url, error) from error
        return None

    def close(self) -> None:
        """End the reply; may be called more than once."""
        self._is_closed = True
        with suppress(httpx.HTTPError):
            self._response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


class Executor:
    """Sends calls to one server over kept-alive connections; safe to use from several threads."""

    def __init__(self, base_url: str, api_key: str | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        address = Address(base_url=self.base_url, api_key=api_key)
        transport = httpx.HTTPTransport(**address.transport_options())
        self._http = httpx.Client(transport=transport, **address.client_options())

    def run(self, call: Call[T]) -> T:
        """Raises Unreachable without a reply, ClientError for a reply that is not a success."""
        try:
            response = self._http.request(**request_options(call))
        except httpx.HTTPError as error:
            raise unreachable(call.what, self.base_url, error) from error
        if not response.is_success:
            raise refusal(call.what, response.status_code, response.content)
        return call.decode(decoded(call, response))

    def open(self, call: StreamCall[T]) -> Stream[T]:
        """Like `run`, for a reply in pieces; returns when its status is known."""
        try:
            response = self._http.send(
                self._http.build_request(**request_options(call)), stream=True
            )
            if not response.is_success:
                body = response.read()
                response.close()
                raise refusal(call.what, response.status_code, body)
        except httpx.HTTPError as error:
            raise unreachable(call.what, self.base_url, error) from error
        return Stream(call, response, self.base_url)

    def authorize(self, token: str) -> None:
        """Send this key or access token from now on."""
        self._http.headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        """Close the kept-alive connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()


class RESTfulModelHandle:
    """One model of one server."""

    def __init__(self, executor: Executor, model_uid: str) -> None:
        self._executor = executor
        self.model_uid = model_uid

    def close(self) -> None:
        """Nothing to release: the connections belong to the client."""


def of_client(describe: Callable[P, Call[T]]) -> Callable[Concatenate[Executor, P], T]:
    def method(self: Executor, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(describe(*args, **kwargs))

    return documented(method, describe)


def streamed(describe: Callable[P, StreamCall[T]]) -> Callable[Concatenate[Executor, P], Stream[T]]:
    def method(self: Executor, /, *args: P.args, **kwargs: P.kwargs) -> Stream[T]:
        return self.open(describe(*args, **kwargs))

    return documented(method, describe)


def of_handle(
    describe: Callable[Concatenate[str, P], Call[T]],
) -> Callable[Concatenate[RESTfulModelHandle, P], T]:
    def method(self: RESTfulModelHandle, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._executor.run(describe(self.model_uid, *args, **kwargs))

    return documented(method, describe, bound=1)


def either(
    describe: Callable[Concatenate[str, P], Call[T] | StreamCall[Item]],
) -> Any:
    """Typed where it is used, as one of `streamable`: which of the two it is shows in a call."""

    def method(self: RESTfulModelHandle, /, *args: P.args, **kwargs: P.kwargs) -> T | Stream[Item]:
        call = describe(self.model_uid, *args, **kwargs)
        if isinstance(call, StreamCall):
            return self._executor.open(call)
        return self._executor.run(call)

    return documented(method, describe, bound=1)
