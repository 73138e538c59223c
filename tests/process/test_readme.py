"""The README is executed: its commands, its recipe, its limits."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.appliance import ROOT, wait_until

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLES = [
    [line[2:] for line in block.splitlines() if line.startswith("$ ")]
    for block in re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)
]


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def shell(line: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line],
        cwd=ROOT,
        env={**os.environ, "XINFER_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme") / "home"


@pytest.fixture(scope="module")
def quickstart(home: Path) -> Iterator[Path]:
    """`scripts/quickstart` as the README starts it, on its own port; ends with Ctrl-C."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 9997))
    output = home.parent / "quickstart.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [str(ROOT / CONSOLES[0][0])],
            cwd=ROOT,
            env={**os.environ, "XINFER_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 300
        while "models ready" not in output.read_text():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.1)
        yield output
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 0, output.read_text()
        assert not answers("http://127.0.0.1:9997/health")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("line", CONSOLES[1])
def test_commands_beside_the_quick_start(quickstart: Path, home: Path, line: str) -> None:
    assert "1 of 1 models ready" in quickstart.read_text()
    done = shell(line, home)
    assert done.returncode == 0, done.stderr
    assert re.search(r"chat|slot|srv", done.stdout), done.stdout


@pytest.mark.timeout(400)
def test_the_curl_line_that_is_printed_works(quickstart: Path, home: Path) -> None:
    printed = wait_until(
        "the line to try", lambda: re.search(r"^try: (curl .*)$", quickstart.read_text(), re.M)
    )
    done = shell(f"{printed.group(1)} -s", home)
    assert done.returncode == 0, done.stderr
    assert '"choices"' in done.stdout, done.stdout


@pytest.mark.parametrize("line", CONSOLES[2])
def test_override_examples(tmp_path: Path, line: str) -> None:
    done = shell(line, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "chat" in done.stdout


def test_the_smallest_recipe_is_one(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n(# xinfer-up hello.yaml\n.*?)```", README, flags=re.DOTALL)
    assert found is not None
    recipe = tmp_path / "hello.yaml"
    recipe.write_text(found.group(1), encoding="utf-8")
    done = shell(f".venv/bin/xinfer-up {recipe} --dry-run", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "chat" in done.stdout


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    assert len(README.splitlines()) <= 120
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
