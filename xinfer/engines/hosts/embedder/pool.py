"""The queue of texts and the one thread that computes them: whatever waits makes the next batch."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import gevent
from gevent.event import AsyncResult, Event
from gevent.threadpool import ThreadPool

from xinfer.engines.hosts.embedder.batch import Limits, by_length, take
from xinfer.engines.hosts.embedder.model import Model

log = logging.getLogger("xinfer.embedder")

_GROUP = 128
"""Texts that the library computes at once; a large batch is cut into groups of like length."""


@dataclass(slots=True, kw_only=True, eq=False)
class Request:
    """The texts that one client waits for; `begun` once the first of them was taken."""

    texts: list[Waiting] = field(default_factory=list)
    begun: bool = False
    gone: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Waiting:
    """One text, its length in tokens as far as the model reads it, and its result to come."""

    request: Request
    text: Any
    length: int
    result: AsyncResult[Any] = field(default_factory=AsyncResult)


class Pool:
    """`submit` texts, wait for results, `leave`. While a batch is computed the next one forms.

    `wait_s` is how long a text waits for company when nothing else is going on.
    """

    def __init__(self, model: Model, limits: Limits, *, wait_s: float = 0.0) -> None:
        self._model = model
        self._limits = limits
        self._wait_s = wait_s
        self._waiting: deque[Waiting] = deque()
        self._some = Event()
        self._thread = ThreadPool(1)
        self.requests: set[Request] = set()
        self.running = 0
        self.sizes: dict[int, int] = {}
        self.busy_s = 0.0

    @property
    def waiting(self) -> int:
        """Texts that wait, those of clients that are gone not counted."""
        return sum(not each.request.gone for each in self._waiting)

    def submit(self, texts: Sequence[Any], lengths: Sequence[int]) -> Request:
        """Put texts at the end of the queue; `leave` must follow, whatever happens."""
        made = Request()
        made.texts = [
            Waiting(request=made, text=text, length=length)
            for text, length in zip(texts, lengths, strict=True)
        ]
        self.requests.add(made)
        self._waiting.extend(made.texts)
        self._some.set()
        return made

    def leave(self, request: Request) -> None:
        """Nobody waits for this request any more: what was not begun of it is not computed."""
        request.gone = True
        self.requests.discard(request)

    def run(self) -> None:
        """For ever: take what waits, compute it, give the results out."""
        while True:
            self._some.wait()
            if self._wait_s and len(self._waiting) < self._limits.texts:
                gevent.sleep(self._wait_s)
            batch = self._next()
            if not batch:
                self._some.clear()
                continue
            self.running = len(batch)
            began = time.monotonic()
            self._serve(batch)
            self.busy_s += time.monotonic() - began
            self.sizes[len(batch)] = self.sizes.get(len(batch), 0) + 1
            self.running = 0

    def _next(self) -> list[Waiting]:
        wanted = [each for each in self._waiting if not each.request.gone]
        count = take([each.length for each in wanted], self._limits)
        batch = wanted[:count]
        self._waiting = deque(wanted[count:])
        for each in batch:
            each.request.begun = True
        return batch

    def _serve(self, batch: list[Waiting]) -> None:
        for places in by_length([each.length for each in batch], -(-len(batch) // _GROUP)):
            group = [batch[place] for place in places]
            try:
                found = self._compute(group)
            except Exception as error:  # noqa: BLE001 - raised in the request that waits for it
                self._failed(group, error)
                continue
            for each, computed in zip(group, found, strict=True):
                each.result.set(computed)

    def _failed(self, group: list[Waiting], error: Exception) -> None:
        """One text may spoil a batch: each for itself, then."""
        if len(group) == 1:
            group[0].result.set_exception(error)
            return
        log.error("A batch of %d texts failed; one by one now.", len(group), exc_info=error)
        for each in group:
            self._serve([each])

    def _compute(self, group: list[Waiting]) -> Sequence[Any]:
        texts = [each.text for each in group]
        found: Sequence[Any] = self._thread.apply(self._model.compute, (texts,))
        return found
