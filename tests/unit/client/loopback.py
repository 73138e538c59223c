"""A real HTTP server on the loopback that answers like the supervisor, from a script."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

UNKNOWN = "There is no model '{uid}'."
_HELLO = ("Hel", "lo ", "there")


def model(uid: str, state: str = "ready", **more: Any) -> dict[str, Any]:
    """An entry of `GET /v1/models`."""
    return {
        "id": uid,
        "object": "model",
        "model_type": "LLM",
        "model_name": f"{uid}-name",
        "model_format": "ggufv2",
        "model_size_in_billions": "0_5",
        "quantization": "Q4_K_M",
        "model_engine": "llama.cpp",
        "model_ability": ["generate", "chat"],
        "state": state,
        "replica": 2,
        "replicas_ready": 2 if state == "ready" else 0,
        **more,
    }


@dataclass(frozen=True)
class Step:
    """What the server says at one moment of a launch; `serving` are the replicas of two that do."""

    state: str
    phases: Sequence[tuple[str, float | None]] = ()
    share: float | None = None
    cause: dict[str, Any] | None = None
    reason: str | None = None
    serving: int = 2

    def timeline(self, uid: str) -> list[dict[str, Any]]:
        started, spans = 1_700_000_000.0, []
        for phase, seconds in self.phases:
            spans.append({"phase": phase, "started_s": started, "seconds": seconds})
            started += seconds or 0.0
        return [{"replica_id": f"{uid}-rep0", "phases": spans, "cause": self.cause}]

    def progress(self, uid: str) -> dict[str, Any]:
        replica = {
            "replica_model_uid": f"{uid}-rep0",
            "stage": "loading" if self.share is None else "downloading",
            "progress": self.share or 0.0,
            "info": "42 MiB of 84 MiB",
        }
        return {"progress": self.share or 0.0, "stage": replica["stage"], "replicas": [replica]}


@dataclass
class Loopback:
    """The server's state. `steps` are gone through by `GET /v1/models`, the last one stays.

    `endless` makes a chat stream go on until the client is gone, which `client_gone` tells, or it
    is false again.
    `replies` are status and document of further paths.
    """

    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    logs: Iterable[str] = ("first line", "last line")
    thought: str = ""
    endless: bool = False
    replies: dict[str, tuple[int, Any]] = field(default_factory=dict)
    fail_with: tuple[int, Any] | None = None
    stream_error: str | None = None
    seen: list[tuple[str, str, Any]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    client_gone: threading.Event = field(default_factory=threading.Event)
    first_chunk: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    @contextmanager
    def serve(self) -> Iterator[Loopback]:
        """Listen on an ephemeral port for the block."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def bodies(self, method: str, path: str) -> list[Any]:
        """The bodies of the requests so far to one route."""
        return [body for one, where, body in self.seen if (one, where) == (method, path)]

    def advance(self) -> None:
        """Let the launch go one step further."""
        if not self.steps:
            return
        step = self.steps[0]
        for entry in self.models.values():
            entry["state"], entry["reason"] = step.state, step.reason
            entry["replicas_ready"] = step.serving if step.state == "ready" else 0
        self._step = self.steps.pop(0) if len(self.steps) > 1 else step

    @property
    def step(self) -> Step:
        return getattr(self, "_step", Step("ready", [("loading", 1.5), ("ready", None)]))


def _handler(state: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        loopback = state

    return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    loopback: Loopback

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._route("GET")

    def do_POST(self) -> None:
        self._route("POST")

    def do_PUT(self) -> None:
        self._route("PUT")

    def do_DELETE(self) -> None:
        self._route("DELETE")

    def _route(self, method: str) -> None:
        state, parts = self.loopback, urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(raw) if raw else parse_qs(parts.query)
        state.seen.append((method, parts.path, body))
        state.authorizations.append(self.headers.get("Authorization"))
        if state.fail_with is not None:
            self._json(*state.fail_with)
            return
        fixed = {
            "/v1/chat/completions": self._chat,
            "/v1/models": self._launch if method == "POST" else self._list,
            "/status": lambda _: self._json(200, {"uptime": 3725, "workers": {}}),
            "/v1/cluster/info": lambda _: self._json(200, _NODES),
            "/v1/cluster/auth": lambda _: self._json(200, {"auth": False}),
        }
        if parts.path in state.replies:
            self._json(*state.replies[parts.path])
        elif parts.path in fixed:
            fixed[parts.path](body)
        else:
            self._of_model(method, parts.path.split("/")[3:])

    def _of_model(self, method: str, rest: list[str]) -> None:
        state, uid = self.loopback, rest[0]
        if uid not in state.models:
            self._json(400, {"detail": UNKNOWN.format(uid=uid)})
        elif method == "DELETE":
            del state.models[uid]
            self._json(200, None)
        elif len(rest) == 1:
            self._json(200, state.models[uid])
        elif rest[1] == "logs":
            self._stream("text/plain", (f"{line}\n" for line in state.logs))
        else:
            self._json(200, self._part(uid, rest[1]))

    def _part(self, uid: str, part: str) -> Any:
        step = self.loopback.step
        if part == "timeline":
            return step.timeline(uid)
        if part == "progress":
            return step.progress(uid)
        if part == "events":
            return [{"event_type": "ready", "event_ts": 1.7e9, "event_content": "it [serves]"}]
        return [
            {"replica_model_uid": f"{uid}-rep0", "node": "local", "phase": "ready", "restarts": 3}
        ]

    def _list(self, _body: Any) -> None:
        self.loopback.advance()
        entries = list(self.loopback.models.values())
        self._json(200, {"object": "list", "data": entries})

    def _launch(self, body: Any) -> None:
        uid = body.get("model_uid") or body["model_name"]
        self.loopback.models[uid] = model(uid, "queued")
        self._json(200, {"model_uid": uid})

    def _chat(self, body: Any) -> None:
        if not body.get("stream"):
            message = {"role": "assistant", "content": "Hello there"}
            self._json(200, {"choices": [{"message": message}]})
            return
        self._stream("text/event-stream", self._chunks())

    def _chunks(self) -> Iterator[str]:
        pieces = self._ticks() if self.loopback.endless else _HELLO
        if self.loopback.thought:
            choice: dict[str, Any] = {"delta": {"reasoning_content": self.loopback.thought}}
            yield f"data: {json.dumps({'choices': [choice]})}\n\n"
        for piece in pieces:
            choice = {"index": 0, "delta": {"content": piece}}
            yield f"data: {json.dumps({'choices': [choice]})}\n\n"
            self.loopback.first_chunk.set()
            if self.loopback.endless:
                self.loopback.client_gone.wait(0.01)
        if self.loopback.stream_error:
            yield f"data: {json.dumps({'error': {'message': self.loopback.stream_error}})}\n\n"
        yield "data: [DONE]\n\n"

    def _ticks(self) -> Iterator[str]:
        while self.loopback.endless:
            yield "tick "

    def _json(self, status: int, document: Any) -> None:
        raw = document.encode() if isinstance(document, str) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _stream(self, kind: str, pieces: Any) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for piece in pieces:
                raw = piece.encode()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(raw), raw))
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True
            self.loopback.client_gone.set()


_NODES = [
    {"node_type": "Supervisor", "ip_address": "127.0.0.1", "gpu_count": 0},
    {
        "node_type": "Worker",
        "node": "local",
        "cpu_count": 2,
        "mem_free": 6 * 2**30,
        "mem_total": 8 * 2**30,
        "gpu_count": 1,
        "gpu_vram_total": 24 * 2**30,
        "gpu_vram_free": 12 * 2**30,
    },
]
