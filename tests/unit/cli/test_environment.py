"""`xinfer env` over a wheelhouse of tiny wheels."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.wheels import TinyEngines, make_wheel
from xinfer.cli import environment
from xinfer.cli.main import main
from xinfer.domain.home import Home
from xinfer.engines.requirement import Requirements
from xinfer.launch.environments import Workshop
from xinfer.worker.journal import Folder

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`xinfer env ARGUMENTS` for an engine `tiny`; packages come from `wheels`."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    lists, wheels = tmp_path / "lists", tmp_path / "wheels"
    lists.mkdir()
    (lists / "tiny-cpu.txt").write_text("tiny==1.0\n")
    (lists / "far-cuda.txt").write_text("far==1.0\n")
    make_wheel(wheels, "tiny")

    def workshop(wheelhouse: Path | None = None) -> Workshop:
        return Workshop(
            Home(tmp_path),
            wheelhouse=wheelhouse or wheels,
            engines=TinyEngines(),  # type: ignore[arg-type]
            requirements=Requirements(lists),
        )

    monkeypatch.setattr(environment, "_workshop", workshop)
    return lambda *words: CliRunner().invoke(main, ["env", *words])


def test_created_listed_checked_and_removed(run: Run, tmp_path: Path) -> None:
    listed = run("list").stdout.splitlines()
    assert listed[0].split() == ["Engine", "Accelerator", "State", "Size", "Path", "Detail"]
    assert listed[1].split()[:3] == ["tiny", "cpu", "missing"]
    assert len(listed) == 2

    made = run("create", "tiny")
    assert (made.exit_code, made.stdout.splitlines()[1].split()[:3]) == (
        0,
        ["tiny", "cpu", "ready"],
    )
    assert made.stderr.splitlines()[-1] == "tiny: importing the engine"
    (entry,) = json.loads(run("list", "-o", "json").stdout)
    assert entry["path"] == str(tmp_path / "envs" / "tiny-cpu")
    assert (entry["state"], entry["size_bytes"] > 0) == ("ready", True)

    checked = run("check", "-o", "json")
    assert (checked.exit_code, json.loads(checked.stdout)[0]["versions"]) == (0, {"tiny": "1.0"})
    removed = run("remove", "tiny")
    assert removed.stderr == f"Removed {tmp_path / 'envs' / 'tiny-cpu'}.\n"
    again = run("remove", "tiny")
    assert (again.exit_code, "There is no environment" in again.stderr) == (1, True)


def test_an_engine_that_cannot_be_imported_is_an_error_of_its_own(run: Run, tmp_path: Path) -> None:
    make_wheel(tmp_path / "broken", "tiny", code="raise OSError('libtiny.so.1: cannot open')")
    made = run("create", "tiny", "--wheelhouse", str(tmp_path / "broken"))
    assert made.exit_code == 1
    assert "tiny-cpu is broken: OSError: libtiny.so.1: cannot open." in made.stderr
    assert "--recreate" in made.stderr
    checked = run("check", "tiny")
    assert (checked.exit_code, "OSError: libtiny.so.1" in checked.stdout) == (1, True)
    assert run("create", "tiny", "--recreate").exit_code == 0
    assert run("check", "tiny").exit_code == 0


def test_without_an_environment_of_its_own_this_interpreter_is_checked(run: Run) -> None:
    checked = run("check", "tiny")
    assert checked.exit_code == 1
    assert "No module named 'tiny'" in checked.stdout
    assert run("check", "bare").exit_code == 0
    assert run("check").exit_code == 0


def test_what_cannot_be_chosen_is_told_with_what_can(run: Run) -> None:
    far = run("create", "far")
    assert "Engine 'far' has no environment for cpu." in far.stderr
    assert "It has one for: cuda. Choose by --accelerator." in far.stderr
    bare = run("create", "bare")
    assert bare.exit_code == 1
    assert "Engine 'bare' has no managed environment." in bare.stderr


def test_one_that_a_replica_runs_in_is_kept(run: Run, tmp_path: Path) -> None:
    assert run("create", "tiny").exit_code == 0
    folder = Folder(Home(tmp_path).replica("chat-rep0"))
    folder.make()
    python = tmp_path / "envs" / "tiny-cpu" / "bin" / "python"
    order = dict.fromkeys(("launch", "digest", "cwd", "lease", "title", "uid", "host"), "")
    order |= {"argv": [str(python), "-m", "tiny"], "env": {}, "replica_id": "chat-rep0"}  # type: ignore[dict-item]
    numbers = ("stop_grace_s", "orphan_grace_s", "log_max_bytes", "log_files", "index", "port")
    order |= dict.fromkeys(numbers, 1)  # type: ignore[arg-type]
    (folder.path / "launch.json").write_text(json.dumps(order))
    with folder.hold() as held:
        assert held
        for words in (("remove", "tiny"), ("create", "tiny", "--recreate")):
            refused = run(*words)
            assert refused.exit_code == 1
            assert "tiny-cpu is used by chat-rep0." in refused.stderr
        assert os.access(python, os.X_OK)
        assert run("remove", "tiny", "--force").exit_code == 0
    assert not python.exists()
