"""Runs calls on an asyncio event loop; the same calls as `sync`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, Self

import httpx

from xinfer.client.call import Call, Item, P, StreamCall, T, documented
from xinfer.client.connection import Address, decoded, request_options, unreachable
from xinfer.client.errors import refusal

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop


class AsyncStream(AsyncIterator[T], Generic[T]):
    """Items of a reply as they arrive; none after it was closed.

    Closing it stops the server's work. Dropping it, as by leaving a loop over it, does so too, a
    moment later; `async with` does it at once.
    """

    def __init__(self, call: StreamCall[T], response: httpx.Response, base_url: str) -> None:
        self._call = call
        self._response = response
        self._pieces = response.aiter_bytes() if call.binary else response.aiter_lines()
        self._base_url = base_url
        self._is_closed = False
        # Importing it takes longer than all of this package: only who runs a loop has paid for it.
        from asyncio import get_running_loop

        self._loop = get_running_loop()

    async def __anext__(self) -> T:
        item: T | None = None
        try:
            item = await self._following()
        finally:
            # The end of the reply and an exception of any kind, Ctrl-C too, both close it.
            if item is None:
                await self.aclose()
        if item is None:
            raise StopAsyncIteration
        return item

    async def _following(self) -> T | None:
        # Lines that came with the last one are still there after the end.
        if self._is_closed:
            return None
        try:
            async for piece in self._pieces:
                item = self._call.decode(piece)
                if item is not None:
                    return item
        except httpx.HTTPError as error:
            raise unreachable(self._call.what, self._base_url, error) from error
        return None

    async def aclose(self) -> None:
        """End the reply; may be called more than once."""
        self._is_closed = True
        with suppress(httpx.HTTPError):
            await self._response.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        # Whatever thread collects it, only the loop's own may close the connection; once the loop
        # is closed nobody can.
        if not self._is_closed:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_end, self._loop, self._response)


def _end(loop: AbstractEventLoop, response: httpx.Response) -> None:
    async def close() -> None:
        with suppress(httpx.HTTPError):
            await response.aclose()

    # Closing waits for nothing but the loop itself, which keeps what it is about to run.
    loop.create_task(close())


class AsyncExecutor:
    """Sends calls to one server over kept-alive connections of one event loop."""

    def __init__(self, base_url: str, api_key: str | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        address = Address(base_url=self.base_url, api_key=api_key)
        transport = httpx.AsyncHTTPTransport(**address.transport_options())
        self._http = httpx.AsyncClient(transport=transport, **address.client_options())

    async def run(self, call: Call[T]) -> T:
        """Raises Unreachable without a reply, ClientError for a reply that is not a success."""
        try:
            response = await self._http.request(**request_options(call))
        except httpx.HTTPError as error:
            raise unreachable(call.what, self.base_url, error) from error
        if not response.is_success:
            raise refusal(call.what, response.status_code, response.content)
        return call.decode(decoded(call, response))

    async def open(self, call: StreamCall[T]) -> AsyncStream[T]:
        """Like `run`, for a reply in pieces; returns when its status is known."""
        try:
            response = await self._http.send(
                self._http.build_request(**request_options(call)), stream=True
            )
            if not response.is_success:
                body = await response.aread()
                await response.aclose()
                raise refusal(call.what, response.status_code, body)
        except httpx.HTTPError as error:
            raise unreachable(call.what, self.base_url, error) from error
        return AsyncStream(call, response, self.base_url)

    def authorize(self, token: str) -> None:
        """Send this key or access token from now on."""
        self._http.headers["Authorization"] = f"Bearer {token}"

    async def close(self) -> None:
        """Close the kept-alive connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.close()


class AsyncRESTfulModelHandle:
    """One model of one server."""

    def __init__(self, executor: AsyncExecutor, model_uid: str) -> None:
        self._executor = executor
        self.model_uid = model_uid

    async def close(self) -> None:
        """Nothing to release: the connections belong to the client."""


def of_client(
    describe: Callable[P, Call[T]],
) -> Callable[Concatenate[AsyncExecutor, P], Coroutine[Any, Any, T]]:
    async def method(self: AsyncExecutor, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(describe(*args, **kwargs))

    return documented(method, describe)


def streamed(
    describe: Callable[P, StreamCall[T]],
) -> Callable[Concatenate[AsyncExecutor, P], Coroutine[Any, Any, AsyncStream[T]]]:
    async def method(self: AsyncExecutor, /, *args: P.args, **kwargs: P.kwargs) -> AsyncStream[T]:
        return await self.open(describe(*args, **kwargs))

    return documented(method, describe)


def of_handle(
    describe: Callable[Concatenate[str, P], Call[T]],
) -> Callable[Concatenate[AsyncRESTfulModelHandle, P], Coroutine[Any, Any, T]]:
    async def method(self: AsyncRESTfulModelHandle, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._executor.run(describe(self.model_uid, *args, **kwargs))

    return documented(method, describe, bound=1)


def either(
    describe: Callable[Concatenate[str, P], Call[T] | StreamCall[Item]],
) -> Any:
    """Typed where it is used, as one of `streamable`: which of the two it is shows in a call."""

    async def method(
        self: AsyncRESTfulModelHandle, /, *args: P.args, **kwargs: P.kwargs
    ) -> T | AsyncStream[Item]:
        call = describe(self.model_uid, *args, **kwargs)
        if isinstance(call, StreamCall):
            return await self._executor.open(call)
        return await self._executor.run(call)

    return documented(method, describe, bound=1)
