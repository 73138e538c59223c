"""The life of one inference request: body in, replica chosen, bytes out, everything given back."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from xinfer.domain.routing import Route, Upstream
from xinfer.errors import EngineFailed, NotReady
from xinfer.gateway.admission import Admission
from xinfer.gateway.assembled import Assembly, Broken
from xinfer.gateway.caller import Caller
from xinfer.gateway.dialects import CHAT, COMPLETIONS, MESSAGES, RESPONSES, Dialects
from xinfer.gateway.media import Media
from xinfer.gateway.metrics import Metrics, Timer
from xinfer.gateway.peek import Peeked, peek, upstream_body
from xinfer.gateway.reply import Asked, shown
from xinfer.gateway.run import Run
from xinfer.gateway.running import Running, Ticket
from xinfer.gateway.stream import CLIENT_GONE, Stream
from xinfer.gateway.table import Table
from xinfer.gateway.upstream import ClientGone, Pools, Refused, Stale
from xinfer.gateway.usage import StreamTail, Usage, find_usage

_ATTEMPTS = 4
_USAGE_WINDOW = 4096
_NO_TOKENS = Usage()
_GENERATES = (CHAT, COMPLETIONS)
_STREAMED = (CHAT, COMPLETIONS, MESSAGES, RESPONSES)

Gone = Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back to the client. `body` is bytes, or a Stream that must be closed."""

    status: int
    content_type: str
    body: bytes | Stream


class Gateway:
    """The byte path of one process. `status_of` gives the HTTP status of an error, for counting;
    `dialects` put requests into the words of each engine, `media` judges what they name.
    """

    def __init__(
        self,
        table: Table,
        admission: Admission,
        pools: Pools,
        metrics: Metrics,
        running: Running,
        dialects: Dialects,
        media: Media,
        status_of: Callable[[Exception], int],
    ) -> None:
        self.table = table
        self.admission = admission
        self.metrics = metrics
        self._running = running
        self._pools = pools
        self._dialects = dialects
        self._media = media
        self._status_of = status_of

    def relay(self, path: str, body: bytes, request_id: str, gone: Gone, caller: Caller) -> Answer:
        """Send a request to a replica and return its answer.

        `gone()` says whether the client has hung up. Raises the errors of `peek`, `Caller.admit`,
        `Table.route`, `Dialects.translate`, `Media.check` and `Admission.enter`, EngineFailed,
        ClientGone, and Cancelled when somebody aborted the request by its id.
        """
        peeked = peek(body)
        caller.admit(peeked.model)
        route = self.table.route(peeked.model)
        body, peeked = self._dialects.translate(path, body, peeked, route.engine)
        self._media.check(body)
        ticket = self._running.enter(
            route.uid, {request_id, peeked.request_id or request_id}, caller.id
        )
        gone = ticket.gone(gone)
        timer = Timer(self.metrics, route.uid)
        try:
            streamable = path in _STREAMED and self._dialects.may_stream(route.engine, peeked)
            request = _Request(path, peeked, request_id, caller, ticket, streamable)
            run = self._start(request, route, gone, timer)
        except BaseException as error:
            self._running.leave(ticket)
            if isinstance(error, Exception):
                timer.end(self._status_of(error))
            raise
        if run.reply.is_stream and not run.as_stream:
            generates = path in _GENERATES
            tail = StreamTail(
                keep=peeked.wants_usage or not generates, naming=run.naming, close=generates
            )
            return Answer(
                status=run.reply.status,
                content_type="text/event-stream; charset=utf-8",
                body=Stream(run, tail, self._give_back),
            )
        return self._whole(run)

    def _start(self, request: _Request, route: Route, gone: Gone, timer: Timer) -> Run:
        """Find a replica that takes the request.

        Another one is tried only after a refused connection, or one that was closed under us
        before the engine could have read the request; anything else may have run.
        """
        avoid: frozenset[str] = frozenset()
        fresh = False
        for _ in range(_ATTEMPTS):
            upstream = self._enter(route.uid, gone, avoid)
            try:
                run = self._send(request, route, upstream, fresh, gone, timer)
                self.admission.heard(upstream)
                return run
            except Stale:
                self._leave(route.uid, upstream)
                fresh = True
            except Refused:
                self.admission.refused(upstream)
                self._leave(route.uid, upstream)
                avoid |= {upstream.replica_id}
            except BaseException:
                self._leave(route.uid, upstream)
                raise
        raise NotReady(
            f"No replica of model '{route.uid}' takes connections.", _why(route), retry_after_s=1.0
        )

    def _enter(self, uid: str, gone: Gone, avoid: frozenset[str]) -> Upstream:
        queued = self.metrics.model(uid).queued
        queued.inc()
        try:
            # Asked anew: replicas come and go while a request waits.
            upstream = self.admission.enter(
                uid, lambda: self.table.route(uid), gone=gone, avoid=avoid
            )
        except ConnectionAbortedError:
            raise ClientGone from None
        finally:
            queued.dec()
        self.metrics.model(uid).in_flight.inc()
        return upstream

    def _leave(self, uid: str, upstream: Upstream) -> None:
        self.admission.leave(uid, upstream)
        self.metrics.model(uid).in_flight.dec()

    def _send(
        self,
        request: _Request,
        route: Route,
        upstream: Upstream,
        fresh: bool,
        gone: Gone,
        timer: Timer,
    ) -> Run:
        connection = self._pools.fresh(upstream) if fresh else self._pools.take(upstream)
        try:
            reply = connection.send(request.head_and_body(upstream), gone)
            reply.await_head()
        except BaseException:
            connection.close()
            raise
        return Run(
            uid=route.uid,
            upstream=upstream,
            connection=connection,
            reply=reply,
            timer=timer,
            caller=request.caller,
            ticket=request.ticket,
            asked=Asked(
                path=request.path,
                engine=route.engine,
                request_id=request.request_id,
                replica_id=upstream.replica_id,
                fields=request.peeked.fields,
            ),
            as_stream=request.as_stream(upstream),
        )

    def _whole(self, run: Run) -> Answer:
        """A reply that is one document: complete before any of it goes out."""
        status = CLIENT_GONE
        usage = None
        try:
            status, body = _read(run)
            usage = find_usage(body[:_USAGE_WINDOW]) or find_usage(body[-_USAGE_WINDOW:])
        except EngineFailed as error:
            status = self._status_of(error)
            raise
        finally:
            self._give_back(run, status, usage)
        is_kept = status < 400 and not run.reply.is_stream
        content_type = run.reply.header("content-type") if is_kept else ""
        status, body = shown(run.asked, status, run.naming(body) if status < 400 else body)
        return Answer(status=status, content_type=content_type or "application/json", body=body)

    def _give_back(self, run: Run, status: int, usage: Usage | None) -> None:
        """The one end of every run: connection, count and metrics."""
        if run.reply.reusable:
            self._pools.give_back(run.upstream, run.connection)
        else:
            # Closing is what tells an engine to stop generating. Not by a reset: mlx-lm's server
            # goes on to the end if it cannot even send the head of its reply.
            run.connection.close()
        self._leave(run.uid, run.upstream)
        self._running.leave(run.ticket)
        run.timer.end(status, run.upstream.replica_id, usage)
        tokens = usage or _NO_TOKENS
        run.caller.spent(run.uid, tokens.prompt_tokens, tokens.completion_tokens)


def _why(route: Route) -> str:
    if any(upstream.via for upstream in route.upstreams):
        return (
            "It is being restarted, or its node has no connection open to here: it opens new ones"
            " as soon as it can reach this server."
        )
    if any(upstream.guarded and not upstream.via for upstream in route.upstreams):
        return (
            "It is being restarted, or nothing can connect to its node: if it stays so, start the"
            " worker there with --reverse."
        )
    return "It is probably being restarted; try again."


def _read(run: Run) -> tuple[int, bytes]:
    """Status and body of a whole reply. Raises EngineFailed, and as `Reply.pieces`."""
    if not (run.as_stream and run.reply.is_stream):
        return run.reply.status, b"".join(run.reply.pieces())
    assembly = Assembly(run.asked.path, run.asked.fields)
    try:
        for piece in run.reply.pieces():
            assembly.feed(piece)
        return run.reply.status, assembly.finish()
    except Broken as error:
        return error.status, msgspec.json.encode(error.error)
    except (msgspec.DecodeError, UnicodeDecodeError, LookupError) as error:
        raise EngineFailed(
            f"The engine of {run.upstream.replica_id} sent a stream that cannot be read: {error}.",
            "See the model's log.",
        ) from error


@dataclass(frozen=True, slots=True)
class _Request:
    path: str
    peeked: Peeked
    request_id: str
    caller: Caller
    ticket: Ticket
    streamable: bool

    def as_stream(self, upstream: Upstream) -> bool:
        """Whether a stream is asked for where the client wants the whole."""
        return upstream.whole_by_stream and self.streamable and not self.peeked.stream

    def head_and_body(self, upstream: Upstream) -> bytes:
        """The request for one engine, in one piece."""
        body = upstream_body(
            self.peeked,
            upstream.model_name,
            add_usage=self.path in _GENERATES,
            as_stream=self.as_stream(upstream),
        )
        # Engines tell requests apart by it, and clients may use one twice.
        own_id = f"{self.request_id}-{os.urandom(4).hex()}"
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: {upstream.host}:{upstream.port}\r\n"
            f"Content-Type: application/json\r\nX-Request-ID: {own_id}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("latin-1") + body
