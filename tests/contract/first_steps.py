"""What users of Xinference type first: its lines and snippets, with `xinfer` in the names."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.process.appliance import BIN, Appliance, wait_until
from xinfer.engines.requirement import Requirements

NAME = "qwen2.5-instruct"
LOCAL = "xinfer-local --host 0.0.0.0 --port 9997"
HOMED = "XINFERENCE_HOME=/tmp/xinference xinfer-local --host 0.0.0.0 --port 9997"
FROM_MODELSCOPE = "XINFERENCE_MODEL_SRC=modelscope xinfer-local --host 0.0.0.0 --port 9997"
SUPERVISOR = 'xinfer-supervisor -H "${supervisor_host}"'
WORKER = 'xinfer-worker -e "http://${supervisor_host}:9997" -H "${worker_host}"'
COMMANDS = (
    *("cached", "cal-model-mem", "chat", "engine", "generate", "launch", "list", "login"),
    *("register", "registrations", "remove-cache", "stop-cluster", "terminate", "unregister"),
    "vllm-models",
)
ENGINES = (
    "xinfer engine -e <xinfer_endpoint> --model-name qwen-chat",
    "xinfer engine -e <xinfer_endpoint> --model-name qwen-chat --model-engine vllm",
    "xinfer engine -e <xinfer_endpoint> --model-name qwen-chat -f ggufv2",
)
WITH_OPTION = (
    "xinfer launch --model-engine vllm -n qwen2.5-instruct -s 0_5 -f pytorch"
    " --gpu_memory_utilization 0.9"
)
IN_CLUSTER = (
    'xinfer launch -n qwen2.5-instruct -s 0_5 -f pytorch -e "http://${supervisor_host}:9997"'
)
_CLIENT = """\
from xinfer.client import RESTfulClient
client = RESTfulClient("http://127.0.0.1:9997")
"""
LAUNCH = {
    "shell": (
        "xinfer launch --model-engine <inference_engine> -n qwen2.5-instruct -s 0_5 -f pytorch"
    ),
    "curl": """\
curl -X 'POST' \\
  'http://127.0.0.1:9997/v1/models' \\
  -H 'accept: application/json' \\
  -H 'Content-Type: application/json' \\
  -d '{
  "model_engine": "<inference_engine>",
  "model_name": "qwen2.5-instruct",
  "model_format": "pytorch",
  "size_in_billions": "0_5"
}'
""",
    "python": f"""\
{_CLIENT}model_uid = client.launch_model(
  model_engine="<inference_engine>",
  model_name="qwen2.5-instruct",
  model_format="pytorch",
  size_in_billions="0_5"
)
print('Model uid: ' + model_uid)
""",
}
CHAT = {
    "curl": """\
curl -X 'POST' \\
  'http://127.0.0.1:9997/v1/chat/completions' \\
  -H 'accept: application/json' \\
  -H 'Content-Type: application/json' \\
  -d '{
    "model": "qwen2.5-instruct",
    "messages": [
        {
            "role": "system",
            "content": "You are a helpful assistant."
        },
        {
            "role": "user",
            "content": "What is the largest animal?"
        }
    ]
  }'
""",
    "python": f"""\
{_CLIENT}model = client.get_model("qwen2.5-instruct")
model.chat(
    messages=[
        {{"role": "user", "content": "Who won the world series in 2020?"}}
    ]
)
""",
    "openai": """\
from openai import OpenAI
client = OpenAI(base_url="http://127.0.0.1:9997/v1", api_key="not used actually")

response = client.chat.completions.create(
    model="qwen2.5-instruct",
    messages=[
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "What is the largest animal?"}
    ]
)
print(response)
""",
}
REGISTRATIONS = {
    "shell": "xinfer registrations -t LLM",
    "curl": "curl http://127.0.0.1:9997/v1/model_registrations/LLM",
    "python": f"{_CLIENT}print(client.list_model_registrations(model_type='LLM'))\n",
}
LIST = {
    "shell": "xinfer list",
    "curl": "curl http://127.0.0.1:9997/v1/models",
    "python": f"{_CLIENT}print(client.list_models())\n",
}
TERMINATE = {
    "shell": 'xinfer terminate --model-uid "qwen2.5-instruct"',
    "curl": "curl -X DELETE http://127.0.0.1:9997/v1/models/qwen2.5-instruct",
    "python": f'{_CLIENT}client.terminate_model(model_uid="qwen2.5-instruct")\n',
}
WAYS = ("shell", "curl", "python", "xinference_client")
"""`xinference_client` is Xinference's own client with the Python snippets of `python`."""

_STAND_IN = Path(__file__).with_name("stand_in")


class Beginner(Appliance):
    """A user with a shell whose server listens on another port than in the text, and at `host`.

    `lent` are commands of interpreters by engine: to the installation they are environments that
    `xinfer env create` has built. `more` are variables, such as the address of a hub.
    """

    def __init__(
        self, folder: Path, lent: dict[str, str], host: str = "127.0.0.1", **more: str
    ) -> None:
        super().__init__(folder, None)
        self._more = {**more, "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "caches")}
        self._lent = lent
        self._host = host
        self._there = folder / "xinference"
        self.home = folder / ".xinfer"
        self.servers: list[subprocess.Popen[bytes]] = []

    @property
    def environment(self) -> dict[str, str]:
        foreign = ("HF_", "MODELSCOPE_", "XINFER_HOME")
        ours = super().environment
        kept = {name: value for name, value in ours.items() if not name.startswith(foreign)}
        path = f"{BIN}{os.pathsep}{kept['PATH']}"
        return {**kept, "PATH": path, "NO_PROXY": "*", "no_proxy": "*", **self._more}

    def here(self, text: str, engine: str = "") -> str:
        """The text with this port, this home, and the engine that is chosen."""
        for there, where in (
            ("<xinfer_endpoint>", self.url),
            ("<inference_engine>", engine),
            ("127.0.0.1:9997", f"127.0.0.1:{self.port}"),
            ("}:9997", f"}}:{self.port}"),
            ("--host 0.0.0.0", f"--host {self._host}"),
            ("--port 9997", f"--port {self.port}"),
            ("=/tmp/xinference ", f"={self._there} "),
        ):
            text = text.replace(there, where)
        return text

    def serve(self, line: str, says: str, home: Path | None = None) -> str:
        """Start a server by a line of the shell; all it has printed when it says that.

        `home` is where it will keep its environments, if not in the usual place.
        """
        if "/tmp/xinference" in line:
            self.home = self._there
        self.lend(home or self.home)
        output = self.output.with_name(f"output-{len(self.servers)}.txt")
        with output.open("wb") as file:
            server = subprocess.Popen(
                ["bash", "-c", self.here(line)],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.servers.append(server)

        def said() -> bool:
            assert server.poll() is None, output.read_text()
            return says in output.read_text()

        wait_until(f"{line} says {says!r}", said, 120.0)
        return output.read_text()

    def leave(self) -> list[int]:
        """Ctrl-C for every server, the last first; their exit statuses."""
        for server in reversed(self.servers):
            server.send_signal(signal.SIGINT)
            server.wait(60)
        return [server.returncode for server in self.servers]

    def type(self, line: str, engine: str = "") -> subprocess.CompletedProcess[str]:
        """A line, or several, of the shell."""
        return subprocess.run(
            ["bash", "-c", self.here(line, engine)],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )

    def execute(self, snippet: str, engine: str = "") -> tuple[str, Any]:
        """A Python snippet as a user would paste it: what it printed, and the last value."""
        tree = ast.parse(self.here(snippet, engine))
        last = tree.body.pop()
        assert isinstance(last, ast.Expr)
        names: dict[str, Any] = {}
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(tree, "snippet", "exec"), names)
            value = eval(compile(ast.Expression(last.value), "snippet", "eval"), names)
        if hasattr(names["client"], "close"):
            names["client"].close()
        return printed.getvalue(), value

    def do(self, texts: dict[str, str], way: str, engine: str = "") -> str:
        """One of the ways in which a thing is done; what it printed."""
        if way in ("python", "xinference_client"):
            snippet = texts["python"]
            if way == "xinference_client":
                snippet = snippet.replace("xinfer.client", "xinference_client")
            printed, value = self.execute(snippet, engine)
            return printed if value is None else f"{printed}{json.dumps(value)}"
        done = self.type(texts[way], engine)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def lend(self, home: Path) -> None:
        """Put the environments of engines where `xinfer env create` puts them."""
        for engine, python in self._lent.items():
            requirement = Requirements().get(engine, "cpu")
            assert requirement is not None
            program = home / "envs" / requirement.name / "bin" / "python"
            if program.exists():
                continue
            program.parent.mkdir(parents=True)
            program.write_text(f'#!/bin/sh\nexec {python} "$@"\n', encoding="utf-8")
            program.chmod(0o755)
            record = {"digest": requirement.digest(), "error": ""}
            program.parents[1].joinpath("xinfer.json").write_text(json.dumps(record))

    def destroy(self) -> None:
        self.leave()
        super().destroy()


def stand_in(record: Path) -> str:
    """The command of an interpreter with a `vllm` that serves nothing but its health, for machines
    on which the real one takes minutes; it writes its command line to `record`.
    """
    return f"env PYTHONPATH={_STAND_IN} COMMAND_LINE={record} {sys.executable}"
