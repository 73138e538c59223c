"""Both forms of the official client of Xinference, unmodified, and of ours, behind one face."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Iterator
from typing import Any

from xinference_client import AsyncRESTfulClient, RESTfulClient

import xinfer.client
from tests.contract.checked import Checked

KINDS = ("sync", "async", "ours", "ours async")


def connect(kind: str, url: str, api_key: str | None = None) -> Any:
    """A client of that kind; of the asynchronous one every call is waited for, and of ours every
    reply is held against its type.
    """
    if kind == "sync":
        return RESTfulClient(url, api_key)
    if kind == "ours":
        return Checked(xinfer.client.RESTfulClient(url, api_key))
    of_kind: Any = AsyncRESTfulClient if kind == "async" else xinfer.client.AsyncRESTfulClient
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    async def make() -> Any:
        return of_kind(url, api_key)

    return Awaited(asyncio.run_coroutine_threadsafe(make(), loop).result(30), loop)


class Awaited:
    """An asynchronous object, of which every call blocks until its result is there."""

    def __init__(self, inner: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = inner
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not inspect.iscoroutinefunction(found):
            return found

        def call(*args: Any, **more: Any) -> Any:
            value = self._wait(found(*args, **more))
            if hasattr(value, "__anext__"):
                return self._items(value)
            is_handle = type(value).__name__.endswith("Handle")
            return Awaited(value, self._loop) if is_handle else value

        return call

    def _items(self, items: Any) -> Iterator[Any]:
        try:
            while True:
                try:
                    yield self._wait(items.__anext__())
                except StopAsyncIteration:
                    return
        finally:
            self._wait(items.aclose())

    def _wait(self, awaitable: Any) -> Any:
        async def run() -> Any:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(120)


def methods(client: Any) -> set[str]:
    """The public methods of a client."""
    inner = client._inner if isinstance(client, Awaited | Checked) else client
    return {
        name for name in dir(inner) if not name.startswith("_") and callable(getattr(inner, name))
    }
