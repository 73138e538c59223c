"""The Dockerfiles keep the rules of their trade, and ours."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.image.dockerfile import Instruction, read

ROOT = Path(__file__).parents[2]
FILES = ("Dockerfile", "Dockerfile.cpu")
EXTRAS = ("docs", "hubs", "managed")
HADOLINT = Path(sys.executable).parent / "hadolint"


def requirements(path: Path) -> list[Requirement]:
    """Of a list for pip, without its notes."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def stages(name: str) -> list[list[Instruction]]:
    """The instructions of each stage, from its FROM on."""
    found: list[list[Instruction]] = []
    for instruction in read(ROOT / name):
        if instruction.name == "FROM":
            found.append([])
        found[-1].append(instruction)
    return found


@pytest.mark.parametrize("name", FILES)
def test_hadolint_is_content(name: str) -> None:
    if not HADOLINT.exists():
        pytest.skip("hadolint is not installed; the extra dev has it")
    done = subprocess.run(
        [HADOLINT, "--no-color", name], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", FILES)
def test_what_is_run_is_small_and_not_root(name: str) -> None:
    build, image = stages(name)
    for stage in (build, image):
        tag = stage[0].rest.split()[0].partition(":")[2]
        assert tag not in ("", "latest"), "a base of a certain release"
    last = {each.name: each for each in image}
    assert {"HEALTHCHECK", "STOPSIGNAL", "EXPOSE", "CMD", "USER"} <= set(last)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last["USER"].rest)
    after = [each.name for each in image if each.line > last["USER"].line]
    assert not {"RUN", "COPY"} & set(after), "nothing that runs may change the image"
    assert last["CMD"].command()[0] == "xinfer-local", "PID 1 gets the signals, not a shell"
    assert last["VOLUME"].rest == "/var/lib/xinfer"
    assert "XINFER_HOME=/var/lib/xinfer" in last["ENV"].rest
    assert any(each.flags.get("from") == "build" for each in image if each.name == "COPY")


@pytest.mark.parametrize("name", FILES)
def test_no_layer_keeps_what_only_installing_needs(name: str) -> None:
    runs = [each.rest for stage in stages(name) for each in stage if each.name == "RUN"]
    for run in (run for run in runs if "apt-get install" in run):
        assert "--no-install-recommends" in run
        assert run.index("rm -rf /var/lib/apt/lists/*") > run.index("apt-get install")
    environment = " ".join(each.rest for each in stages(name)[0] if each.name == "ENV")
    assert "PIP_NO_CACHE_DIR=1" in environment


def test_the_engines_are_of_certain_versions() -> None:
    lists = sorted((ROOT / "xinfer" / "engines" / "requirements").glob("*.txt"))
    for path in (each for each in lists if "without" not in each.name):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert line.startswith(("#", "-")) or not line or "==" in line, f"{path.name}: {line}"


def test_all_that_is_in_an_image_is_of_a_certain_version() -> None:
    pinned = {
        canonicalize_name(one.name): str(one.specifier).removeprefix("==")
        for one in requirements(ROOT / "scripts" / "image" / "constraints.txt")
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [
        Requirement(each)
        for group in (project["dependencies"], *(extras[name] for name in EXTRAS))
        for each in group
    ]
    lists = ROOT / "xinfer" / "engines" / "requirements"
    for name in ("llama.cpp", "transformers", "sentence-transformers"):
        wanted += requirements(lists / f"{name}-cpu.txt")
    for one in wanted:
        if one.name != "torch":
            assert one.specifier.contains(pinned[canonicalize_name(one.name)]), str(one)
    for name in FILES:
        runs = [each.rest for each in stages(name)[0] if each.name == "RUN"]
        installs = [run for run in runs if "/opt/xinfer/bin/pip install" in run]
        assert len(installs) == 2
        assert all("-c /src/constraints.txt" in run for run in installs)
        assert f"/src/xinfer[{','.join(EXTRAS)}]" in installs[-1]
