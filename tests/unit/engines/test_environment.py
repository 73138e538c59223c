"""Which interpreter an engine gets, and what is told of one that it cannot run in."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests.wheels import TinyEngines, make_wheel, venv
from xinfer.engines import interpreter
from xinfer.engines.environment import EngineEnvironments
from xinfer.engines.installer import Installer, find_uv
from xinfer.engines.managed import Managed
from xinfer.engines.registry import Registry
from xinfer.engines.requirement import Requirements
from xinfer.errors import LaunchFailed


def silent(share: float, text: str) -> None:
    pass


def environments(folder: Path, uv: str | None = "uv") -> EngineEnvironments:
    lists = folder / "lists"
    lists.mkdir(exist_ok=True)
    (lists / "tiny-cpu.txt").write_text("tiny==1.0\n")
    engines = TinyEngines()
    installer = Installer(uv=uv, environ=os.environ, wheelhouse=folder / "wheels")
    managed = Managed(folder / "envs", installer, lambda name: engines.get(name).traits.module)
    return EngineEnvironments(
        engines,  # type: ignore[arg-type]
        managed,
        Requirements(lists),
        ready=folder / "ready",
    )


def test_current_a_path_or_the_folder_of_an_environment(tmp_path: Path) -> None:
    python = venv(tmp_path / "other", tiny="raise RuntimeError('not to be imported')")
    found = environments(tmp_path)
    assert found.interpreter("bare", "current", "cpu", silent) == sys.executable
    assert found.interpreter("bare", "managed", "cpu", silent) == sys.executable
    assert found.interpreter("tiny", str(python), "cpu", silent) == str(python)
    assert found.interpreter("tiny", str(tmp_path / "other"), "cpu", silent) == str(python)


def test_an_engine_that_is_not_installed_is_named_with_interpreter_and_remedy(
    tmp_path: Path,
) -> None:
    python = venv(tmp_path / "other")
    wish = " and set engine.tiny.env: managed"
    for env, where, more in (("current", sys.executable, ""), (str(python), str(python), wish)):
        with pytest.raises(LaunchFailed) as caught:
            environments(tmp_path).interpreter("tiny", env, "cpu", silent)
        error = caught.value
        assert error.phase == "environment"
        assert error.message == (
            f"Engine 'tiny' is not installed in {where}: No module named 'tiny'."
        )
        assert error.hint == f"Run `xinfer env create tiny`{more}, or install it there."


def test_an_interpreter_that_is_none_is_said_to_be_so(tmp_path: Path) -> None:
    text = tmp_path / "python"
    found = environments(tmp_path)
    assert found.missing({"tiny": str(text)}) == {"tiny": f"there is no interpreter {text}"}
    text.write_text("#!/bin/sh\necho no such library >&2; exit 127\n")
    assert "cannot be run" in found.missing({"bare": str(text)})["bare"]
    text.chmod(0o755)
    assert found.missing({"tiny": str(text)})["tiny"].endswith("status 127: no such library")


def test_a_look_is_repeated_only_when_packages_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = venv(tmp_path / "other")
    looks: list[str] = []
    really = interpreter._look
    monkeypatch.setattr(interpreter, "_look", lambda *a: looks.append(a[0]) or really(*a))
    found = environments(tmp_path)
    for _ in range(3):
        assert found.missing({"tiny": str(python), "bare": "current"}) == {
            "tiny": "No module named 'tiny'"
        }
    assert len(looks) == 1
    (next((tmp_path / "other" / "lib").glob("*/site-packages")) / "tiny.py").write_text("")
    assert found.missing({"tiny": str(python)}) == {}
    assert len(looks) == 2


def test_either_of_two_modules_is_enough(tmp_path: Path) -> None:
    python = str(venv(tmp_path / "other", second=""))
    looks = interpreter.Interpreters()
    assert looks.lacking(python, "first|second") == ""
    assert looks.lacking(python, "first|third") == "No module named 'first' or 'third'"
    assert looks.lacking(sys.executable, "first|pytest") == ""
    assert interpreter.imported(python, "first|second").error == ""
    assert "No module named 'first'" in interpreter.imported(python, "first|third").error


def test_an_import_that_crashes_is_told_by_its_signal(tmp_path: Path) -> None:
    crash = "import os, signal; os.kill(os.getpid(), signal.SIGILL)"
    python = str(venv(tmp_path / "other", tiny=crash, chatty="print('hello')"))
    assert "SIGILL" in interpreter.imported(python, "tiny").error
    assert interpreter.imported(python, "chatty").error == ""


def test_what_can_still_be_built_is_not_missing(tmp_path: Path) -> None:
    assert environments(tmp_path).missing({"tiny": "managed"}) == {}
    without = environments(tmp_path, uv=None).missing({"tiny": "managed", "other": "managed"})
    assert without == {
        "tiny": "the program uv, which builds environments, is not installed. "
        "Run `pip install 'xinfer[managed]'`.",
        "other": "there is no list of packages of engine 'other' for cpu",
    }
    with pytest.raises(LaunchFailed, match=r"uv, which builds.*xinfer\[managed\]"):
        environments(tmp_path, uv=None).interpreter("tiny", "managed", "cpu", silent)


def test_what_was_built_and_cannot_be_imported_is_missing_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import os\nif not os.path.exists(os.environ['TINY']): raise ImportError('libtiny.so')"
    make_wheel(tmp_path / "wheels", "tiny", code=code)
    found = environments(tmp_path, uv=find_uv())
    monkeypatch.setenv("TINY", str(tmp_path / "libtiny.so"))
    for _ in range(2):
        with pytest.raises(LaunchFailed) as caught:
            found.interpreter("tiny", "managed", "cuda", silent)
        assert caught.value.cause == ("the environment tiny-cpu is broken: ImportError: libtiny.so")
        assert "xinfer env create tiny --accelerator cpu --recreate" in caught.value.hint
        assert found.missing({"tiny": "managed"}) == {"tiny": "ImportError: libtiny.so"}
    (tmp_path / "libtiny.so").touch()
    python = found.interpreter("tiny", "managed", "cuda", silent)
    assert python == str(tmp_path / "envs" / "tiny-cpu" / "bin" / "python")
    assert found.missing({"tiny": "managed"}) == {}


def test_what_the_interpreter_lacks_runs_in_the_environment_that_was_built(tmp_path: Path) -> None:
    make_wheel(tmp_path / "wheels", "tiny")
    found = environments(tmp_path, uv=find_uv())
    assert found.missing({"tiny": "current"}) == {"tiny": "No module named 'tiny'"}
    built = found.interpreter("tiny", "managed", "cpu", silent)
    assert found.missing({"tiny": "current"}) == {}
    assert found.interpreter("tiny", "current", "cpu", silent) == built
    assert found.interpreter("bare", "current", "cpu", silent) == sys.executable


def test_what_came_with_the_machine_is_used_until_another_was_built(tmp_path: Path) -> None:
    found = environments(tmp_path, uv=find_uv())
    came = tmp_path / "ready" / "tiny"
    venv(came)
    assert found.missing({"tiny": "current"}) == {"tiny": "No module named 'tiny'"}
    with pytest.raises(LaunchFailed, match=f"in {re.escape(str(came))}/bin/python: No module"):
        found.interpreter("tiny", "current", "cpu", silent)
    (next((came / "lib").glob("*/site-packages")) / "tiny.py").write_text("")
    assert found.missing({"tiny": "current"}) == {}
    python = found.interpreter("tiny", "current", "cpu", silent)
    assert python == str(came / "bin" / "python")
    make_wheel(tmp_path / "wheels", "tiny")
    built = found.interpreter("tiny", "managed", "cpu", silent)
    assert found.interpreter("tiny", "current", "cpu", silent) == built


def test_every_list_pins_and_belongs_to_an_engine() -> None:
    engines = Registry().names()
    lists = Requirements().all()
    assert {each.engine for each in lists} <= {*engines, "sentence-transformers"}
    for each in lists:
        assert each.accelerator in ("cpu", "cuda", "metal")
        assert each.packages()
        for line in each.file.read_text(encoding="utf-8").splitlines():
            assert re.fullmatch(r"#.*|[\w.\[\]-]+==[\w.]+", line), (each.name, line)
