"""Both forms of the official client of OpenAI, unmodified, behind one face."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Iterator
from typing import Any, Self

import openai

FORMS = ("sync", "async")


def connect(form: str, url: str, api_key: str = "none", **more: Any) -> Any:
    """A client of that form that tries nothing again unless told; of the asynchronous one every
    call is waited for.
    """
    options = {"base_url": f"{url}/v1", "api_key": api_key, "max_retries": 0, **more}
    if form == "sync":
        return openai.OpenAI(**options)
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return Awaited(openai.AsyncOpenAI(**options), loop)


class Awaited:
    """An asynchronous client, a part of it or a stream, of which everything blocks."""

    def __init__(self, inner: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = inner
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not inspect.ismethod(found):
            return self._of(found)
        return lambda *args, **more: self._settled(found(*args, **more))

    def __iter__(self) -> Iterator[Any]:
        items = aiter(self._inner)
        while True:
            try:
                yield self._wait(anext(items))
            except StopAsyncIteration:
                return

    def __enter__(self) -> Self:
        self._inner = self._wait(self._inner.__aenter__())
        return self

    def __exit__(self, *error: Any) -> None:
        self._wait(self._inner.__aexit__(*error))

    def _settled(self, value: Any) -> Any:
        return self._of(self._wait(value) if inspect.iscoroutine(value) else value)

    def _of(self, value: Any) -> Any:
        is_data = isinstance(value, (openai.BaseModel, str, bytes, int, float, type(None)))
        return value if is_data else Awaited(value, self._loop)

    def _wait(self, awaitable: Any) -> Any:
        async def run() -> Any:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(120)
