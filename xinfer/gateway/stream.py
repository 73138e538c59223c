"""A reply that is passed on as it arrives, event by event, with its usage noted."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from xinfer.errors import Cancelled, EngineFailed
from xinfer.gateway.reply import error_event
from xinfer.gateway.run import Run
from xinfer.gateway.upstream import ClientGone
from xinfer.gateway.usage import StreamTail, Usage

CLIENT_GONE = 499
"""The status under which a request is counted whose client hung up, or that was aborted."""


class Stream:
    """What the server sends, piece by piece, and closes in any case."""

    def __init__(
        self, run: Run, tail: StreamTail, give_back: Callable[[Run, int, Usage | None], None]
    ) -> None:
        self._run = run
        self._tail = tail
        self._give_back = give_back
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        # Every event of every stream passes through here while the engine's threads own the cores
        # and their caches: what is called for each is counted.
        run, tail = self._run, self._tail
        ticket, feed, passes = run.ticket, tail.feed, run.timer.piece
        try:
            for piece in run.reply.pieces():
                if ticket.ended:
                    # Of a reply that never pauses nobody else asks.
                    ticket.check()
                whole = feed(piece)
                if whole:
                    passes(tail.events)
                    yield whole
            last = tail.finish()
            self._end(run.reply.status)
            if last:
                yield last
        except ClientGone:
            self._end(CLIENT_GONE)
        except Cancelled as error:
            self._end(CLIENT_GONE)
            yield error_event(run.asked, error, "cancelled_error", "aborted")
        except EngineFailed as error:
            self._end(502)
            yield error_event(run.asked, error, "engine_error", "engine_failed")

    def close(self) -> None:
        """The client has all, or is gone; called by the server in any case."""
        self._end(CLIENT_GONE)

    def _end(self, status: int) -> None:
        if self._ended:
            return
        self._ended = True
        usage = self._tail.usage
        if usage is None and self._tail.events:
            # The engine gave no count: each event carries a token, but the closing ones.
            usage = Usage(completion_tokens=max(0, self._tail.events - 2))
        self._give_back(self._run, status, usage)
