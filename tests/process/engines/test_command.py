"""Any program that serves a port, by the engine `command`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from tests.process.engines.conftest import Serve
from xinfer.domain.engine import Files
from xinfer.domain.model import ModelSpec

PROGRAM = """
import http.server, json, sys

class Reply(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"path": self.path, "argv": sys.argv[1:]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.HTTPServer((sys.argv[1], int(sys.argv[2])), Reply).serve_forever()
"""


def test_a_program_of_the_user(serve: Serve, tmp_path: Path) -> None:
    program = tmp_path / "my server.py"
    program.write_text(PROGRAM)
    line = (
        f"{shlex.quote(sys.executable)} '{program}' {{host}} {{port}} --name={{uid}} {{model_path}}"
    )
    spec = ModelSpec(
        uid="mine",
        engine="command",
        options={"command": line, "ready": "/v1/models"},
        extra_args=("--more",),
    )
    model = tmp_path / "model.bin"
    engine = serve(spec, Files(root=tmp_path, paths=(model,))).ready()
    status, said = engine.ask("/anything")
    assert status == 200
    assert said["argv"][2:] == ["--name=mine", str(model), "--more"]
    engine.process.terminate()
    assert engine.ended() != 0
