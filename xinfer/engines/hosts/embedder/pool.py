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
from xinfer.engines.hosts.embedder.model import Computed, Model

log = logging.getLogger("xinfer.embedder")

_GROUP = 64
"""Texts that the library computes at once; a large batch is cut into groups of like length."""


@dataclass(slots=True, kw_only=True)
class Waiting:
    """One text and who waits for its result. `gone` when nobody does any more."""

    text: Any
    length: int
    result: AsyncResult[Computed] = field(default_factory=AsyncResult)
    gone: bool = False


class Pool:
    """`submit` texts, `wait` for results. While one batch is computed the next one forms.

    `wait_s` is how long a text waits for company when nothing else is going on.
    """

    def __init__(self, model: Model, limits: Limits, *, wait_s: float = 0.0) -> None:
        self._model = model
        self._limits = limits
        self._wait_s = wait_s
        self._waiting: deque[Waiting] = deque()
        self._some = Event()
        self._thread = ThreadPool(1)
        self.running = 0
        self.batches = 0
        self.texts = 0
        self.busy_s = 0.0

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def submit(self, texts: Sequence[tuple[Any, int]]) -> list[Waiting]:
        """Put texts, each with its length in characters, at the end of the queue."""
        made = [Waiting(text=text, length=length) for text, length in texts]
        self._waiting.extend(made)
        self._some.set()
        return made

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
            self.batches += 1
            self.texts += len(batch)
            self.running = 0

    def _next(self) -> list[Waiting]:
        while self._waiting and self._waiting[0].gone:
            self._waiting.popleft()
        wanted = [each for each in self._waiting if not each.gone]
        count = take([each.length for each in wanted], self._limits)
        batch = wanted[:count]
        self._waiting = deque(wanted[count:])
        return batch

    def _serve(self, batch: list[Waiting]) -> None:
        for places in by_length([each.length for each in batch], -(-len(batch) // _GROUP)):
            group = [batch[place] for place in places]
            try:
                found = self._compute(group)
            except Exception:
                # One text may spoil a batch: each for itself, then.
                log.exception("A batch of %d texts failed; trying one by one.", len(group))
                self._one_by_one(group)
                continue
            for each, computed in zip(group, found, strict=True):
                each.result.set(computed)

    def _one_by_one(self, group: list[Waiting]) -> None:
        for each in group:
            try:
                (computed,) = self._compute([each])
                each.result.set(computed)
            except Exception as error:  # noqa: BLE001 - raised in the request that waits for it
                each.result.set_exception(error)

    def _compute(self, group: list[Waiting]) -> list[Computed]:
        texts = [each.text for each in group]
        return list(self._thread.apply(self._model.compute, (texts,)))
