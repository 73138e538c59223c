"""An engine of few words, with faults on demand: `fake_engine.py PORT MODE [VALUE]`.

A slow one loads until the file VALUE is there.
"""

from __future__ import annotations

import fcntl
import http.server
import os
import signal
import socketserver
import subprocess
import sys
import time
from pathlib import Path


class Reply(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/hang":
            time.sleep(600)
        loading = sys.argv[2] == "slow" and not Path(sys.argv[3]).exists()
        body = b"loading" if loading else b"ok"
        self.send_response(503 if loading else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True


def serve(port: int) -> None:
    alone()
    Server(("127.0.0.1", port), Reply).serve_forever()


def alone() -> None:
    """Leave a file `twice` when another engine of this replica lives."""
    lock = os.open("alone.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(os.open("twice", os.O_CREAT))


def beget(*words: str, **options: object) -> None:
    """A grandchild that is deaf to SIGTERM."""
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
    subprocess.Popen([sys.executable, "-c", code, *words], **options)  # type: ignore[call-overload]


def main(port: int, mode: str, value: str = "") -> None:
    if mode == "mute":
        time.sleep(600)
    elif mode == "raise":
        raise ValueError(value)
    elif mode == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif mode == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        beget("fake_engine.py-grandchild")
        beget("fake_engine.py-grandchild-elsewhere", start_new_session=True)
    elif mode == "chatter":
        for number in range(int(value)):
            print(f"line {number:06d} " + "x" * 80, flush=True)
    serve(port)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
