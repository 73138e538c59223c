"""A loopback server that speaks to the client libraries of both hubs, from a folder of models.

`<folder>/<org>/<repo>/...` are the repositories. Both protocols are served at once: their paths do
not meet. Requests are kept, so that a test can say what was asked for.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub.faults import LISTING, Fault

_LARGE = 1024 * 1024
"""From this size on a file is kept by its SHA-256, as large files are on both hubs."""

_ENOUGH = 500 * _LARGE
"""Where a reply without an end is given up after all."""

_INFO = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+?)(/revision/(?P<revision>[^/]+))?\Z")
_TREE = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+)/tree/(?P<revision>[^/]+)\Z")
_RESOLVE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)\Z")
_FILES = re.compile(r"/api/v1/models/(?P<repo>[^/]+/[^/]+)/repo/files\Z")
_FILE = re.compile(r"/api/v1/models/(?P<repo>[^/]+/[^/]+)/repo\Z")


@dataclass(frozen=True)
class Asked:
    """One request: `file` is empty for a listing, `start` where the asked range begins."""

    method: str
    path: str
    file: str
    start: int
    token: str


class HubServer:
    """`faults` are by the name of a file, or LISTING."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: dict[str, Fault] = {}
        self.asked: list[Asked] = []
        self.poured = 0
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("HandlerOfHub", (Handler,), {"hub": self})
        )
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def start(self) -> HubServer:
        self._thread.start()
        return self

    def stop(self) -> None:
        """From then on nobody listens at the address."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def gets(self, file: str) -> list[Asked]:
        """The requests for the content of a file."""
        return [one for one in self.asked if one.file == file and one.method == "GET"]

    def fault(self, name: str) -> Fault | None:
        """The fault that strikes now, counted down."""
        with self.lock:
            fault = self.faults.get(name)
            if fault is None or fault.times <= 0:
                return None
            fault.times -= 1
            return fault

    def commit(self, repo: str) -> str:
        """Changes with the content of the repository."""
        digest = hashlib.sha1(usedforsecurity=False)
        for path in self.files(repo):
            digest.update(f"{path}{path.stat().st_size}{path.stat().st_mtime_ns}".encode())
        return digest.hexdigest()

    def files(self, repo: str) -> list[Path]:
        return sorted(path for path in (self.folder / repo).rglob("*") if path.is_file())


@contextmanager
def serving(folder: Path) -> Iterator[HubServer]:
    """A hub of the models in `folder` for as long as the block runs."""
    server = HubServer(folder).start()
    try:
        yield server
    finally:
        server.stop()


def sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def git_name(path: Path) -> str:
    data = path.read_bytes()
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Both protocols. `hub` is set by the server that uses it."""

    hub: HubServer
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        """A client that was ended is nothing to report."""
        with suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """The requests are kept instead."""

    def _answer(self) -> None:
        split = urlsplit(self.path)
        path, query = unquote(split.path), parse_qs(split.query)
        for pattern, reply in (
            (_INFO, self._info),
            (_TREE, self._tree),
            (_RESOLVE, self._resolve),
            (_FILES, self._listing),
            (_FILE, self._file),
        ):
            found = pattern.match(path)
            if found is not None:
                return reply(found.groupdict(), query)
        return self._json(404, {"error": "no such page"})

    def _info(self, words: dict[str, str], query: dict[str, list[str]]) -> None:
        """Hugging Face's description of a model."""
        repo = words["repo"]
        if self._refused(LISTING) or self._absent(repo, ""):
            return
        commit = self.hub.commit(repo)
        if words["revision"] not in (None, "main", commit):
            self._json(404, {"error": "no revision"}, ("X-Error-Code", "RevisionNotFound"))
            return
        siblings = [_sibling(self.hub.folder / repo, path) for path in self.hub.files(repo)]
        self._json(200, {"id": repo, "modelId": repo, "sha": commit, "siblings": siblings})

    def _tree(self, words: dict[str, str], query: dict[str, list[str]]) -> None:
        """Hugging Face's list of files, as its own downloads use it."""
        root = self.hub.folder / words["repo"]
        if self._refused(LISTING) or self._absent(words["repo"], ""):
            return
        self._json(200, [_leaf(root, path) for path in self.hub.files(words["repo"])])

    def _resolve(self, words: dict[str, str], query: dict[str, list[str]]) -> None:
        """Hugging Face's content of a file."""
        repo, file = words["repo"], words["file"]
        if self._absent(repo, file) or self._refused(file):
            return
        path = self.hub.folder / repo / file
        size = path.stat().st_size
        etag = sha256(path) if size >= _LARGE else git_name(path)
        headers = [("X-Repo-Commit", self.hub.commit(repo)), ("ETag", f'"{etag}"')]
        if size >= _LARGE:
            headers += [("X-Linked-Etag", f'"{etag}"'), ("X-Linked-Size", str(size))]
        fault = self.hub.faults.get(file)
        if fault is not None and fault.status is None and fault.headers:
            headers = [*fault.headers]
        self._content(path, file, headers)

    def _listing(self, words: dict[str, str], query: dict[str, list[str]]) -> None:
        """ModelScope's list of files."""
        repo = words["repo"]
        if self._refused(LISTING) or self._absent(repo, ""):
            return
        files = [_entry(self.hub.folder / repo, path) for path in self.hub.files(repo)]
        self._json(200, {"Code": 200, "Success": True, "Data": {"Files": files}})

    def _file(self, words: dict[str, str], query: dict[str, list[str]]) -> None:
        """ModelScope's content of a file."""
        repo, file = words["repo"], query["FilePath"][0]
        if not self._absent(repo, file) and not self._refused(file):
            self._content(self.hub.folder / repo / file, file, [])

    def _absent(self, repo: str, file: str) -> bool:
        start = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        self.hub.asked.append(
            Asked(
                method=self.command,
                path=self.path,
                file=file,
                start=int(start[1]) if start else 0,
                token=self.headers.get("Authorization", "").removeprefix("Bearer "),
            )
        )
        if (self.hub.folder / repo / file).exists():
            return False
        code = "EntryNotFound" if (self.hub.folder / repo).exists() else "RepoNotFound"
        self._json(404, {"error": "not found", "Message": "no"}, ("X-Error-Code", code))
        return True

    def _refused(self, name: str) -> bool:
        fault = self.hub.faults.get(name)
        if fault is None or fault.status is None or self.hub.fault(name) is None:
            return False
        self._json(fault.status, {"error": "refused", "Message": "refused"}, *fault.headers)
        return True

    def _content(self, path: Path, name: str, headers: list[tuple[str, str]]) -> None:
        size = path.stat().st_size
        asked = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        end = min(int(asked[2]), size - 1) if asked and asked[2] else size - 1
        if asked and start >= size:
            self._head(416, 0, [("Content-Range", f"bytes */{size}")])
            return
        fault = self.hub.faults.get(name)
        if fault is not None and fault.endless and self.command == "GET":
            self._pour(headers)
            return
        if asked:
            headers = [*headers, ("Content-Range", f"bytes {start}-{end}/{size}")]
        self._head(206 if asked else 200, end - start + 1, headers)
        if self.command == "GET":
            self._send(path, start, end - start + 1, self.hub.fault(name))

    def _send(self, path: Path, start: int, length: int, fault: Fault | None) -> None:
        fault = fault or Fault(chunk=_LARGE)
        limit = length if fault.cut_after is None else min(length, fault.cut_after)
        with path.open("rb") as content:
            content.seek(start)
            sent = 0
            while sent < limit:
                block = content.read(min(fault.chunk, limit - sent))
                time.sleep(fault.pause_s)
                try:
                    self.wfile.write(bytes(len(block)) if fault.garbled else block)
                except OSError:
                    return
                sent += len(block)
        if limit < length:
            self.close_connection = True

    def _pour(self, headers: list[tuple[str, str]]) -> None:
        """Send until the client has had enough; `poured` counts the bytes."""
        self._head(200, None, headers)
        self.close_connection = True
        with suppress(OSError):
            while self.hub.poured < _ENOUGH:
                self.wfile.write(bytes(_LARGE))
                self.hub.poured += _LARGE

    def _json(self, status: int, body: object, *headers: tuple[str, str]) -> None:
        data = json.dumps(body).encode()
        self._head(status, len(data), [("Content-Type", "application/json"), *headers])
        if self.command == "GET":
            self.wfile.write(data)

    def _head(self, status: int, length: int | None, headers: list[tuple[str, str]]) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()


def _sibling(root: Path, path: Path) -> dict[str, object]:
    size = path.stat().st_size
    told: dict[str, object] = {"rfilename": str(path.relative_to(root)), "size": size}
    if size >= _LARGE:
        told["lfs"] = {"sha256": sha256(path), "size": size, "pointerSize": 134}
    return told


def _leaf(root: Path, path: Path) -> dict[str, object]:
    told = _sibling(root, path)
    oid = sha256(path)[:40] if "lfs" in told else git_name(path)
    leaf = {"type": "file", "path": told["rfilename"], "size": told["size"], "oid": oid}
    if "lfs" in told:
        leaf["lfs"] = {"oid": sha256(path), "size": told["size"], "pointerSize": 134}
    return leaf


def _entry(root: Path, path: Path) -> dict[str, object]:
    name = str(path.relative_to(root))
    return {
        "Path": name,
        "Name": path.name,
        "Type": "blob",
        "Size": path.stat().st_size,
        "Sha256": sha256(path),
    }
