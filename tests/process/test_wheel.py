"""The wheel, made from this checkout and installed in a clean environment elsewhere, serves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.process.appliance import ROOT, Appliance
from xinfer.engines.installer import find_uv

_ASIDE = frozenset({"__pycache__"})


def uv(*words: str, cwd: Path) -> None:
    done = subprocess.run(
        [find_uv(), *words], cwd=cwd, capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, done.stderr


def shipped(folder: str) -> set[str]:
    """The paths, below `folder`, of all its files in the checkout."""
    place = ROOT / folder
    return {
        str(path.relative_to(place))
        for path in place.rglob("*")
        if path.is_file() and not _ASIDE & set(path.parts)
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    uv("build", "--quiet", "--wheel", "--out-dir", str(folder), str(ROOT), cwd=folder)
    (made,) = folder.glob("*.whl")
    return made


class Elsewhere(Appliance):
    """An installation of the wheel that knows nothing of the checkout."""

    @property
    def environment(self) -> dict[str, str]:
        known = {name: value for name, value in super().environment.items() if "PYTHON" not in name}
        return {**known, "PATH": f"{self.programs}{os.pathsep}{os.defpath}"}


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of a new environment that has the wheel and what it asks for."""
    place = tmp_path_factory.mktemp("elsewhere")
    uv("venv", "--quiet", "--python", sys.executable, "env", cwd=place)
    python = place / "env" / "bin" / "python"
    uv("pip", "install", "--quiet", "--python", str(python), f"{wheel}[quickstart]", cwd=place)
    return python.parent


@pytest.fixture
def start(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Elsewhere]]:
    """`start(recipe)` serves by a recipe of the wheel, in a folder far from the checkout."""
    monkeypatch.chdir(tmp_path)
    made: list[Elsewhere] = []

    def serve(recipe: str) -> Elsewhere:
        each = Elsewhere(tmp_path / "installation", Path(recipe))
        each.programs = programs
        made.append(each)
        each.start()
        return each

    yield serve
    for each in made:
        each.destroy()


def test_all_that_it_reads_is_inside(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        inside = set(packed.namelist())
    for name in ("conf", "recipes"):
        assert {f"xinfer/_data/{name}/{path}" for path in shipped(name)} <= inside
    assert {f"xinfer/{path}" for path in shipped("xinfer")} <= inside
    assert not [name for name in inside if name.startswith(("tests/", "scripts/"))]


def test_it_serves_where_no_checkout_is(start: Callable[[str], Elsewhere]) -> None:
    served = start("recipes/echo.yaml")
    served.wait_ready({"echo": 2})
    code = "import sys, xinfer; print(xinfer.__file__, *sys.path)"
    found = served.run("python", "-c", code)
    assert str(served.programs.parent) in found.stdout.split()[0]
    assert str(ROOT) not in found.stdout

    status, reply = served.chat("echo", "far away")
    assert (status, reply["choices"][0]["message"]["content"]) == (200, "far away")
    pages = {
        path: served.request("GET", f"/ui{path}") for path in ("", "/main.js", "/views/chat.js")
    }
    assert {status for status, _ in pages.values()} == {200}
    assert "main.js" in pages[""][1]
    catalog = json.loads(served.run("xinfer", "registrations", "-o", "json").stdout)
    assert len(catalog) > 50
    assert served.interrupt() == 0
    assert not served.processes()


def test_the_quick_start_is_in_it(start: Callable[[str], Elsewhere]) -> None:
    served = start("recipes/quickstart.yaml")
    served.wait_ready({"chat": 1}, timeout_s=120)
    status, reply = served.chat("chat", "Say hello.", max_tokens=8)
    assert status == 200, reply
    assert reply["usage"]["completion_tokens"] == 8
