"""Engines by name, ours and those of other packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.engines.launches import launch, spec
from xinfer.engines.registry import Registry
from xinfer.errors import Invalid


def test_the_built_in_engines() -> None:
    registry = Registry()
    assert registry.names()[:3] == ("llama.cpp", "echo", "command")
    for name in registry.names():
        assert registry.get(name).name == name
        assert registry.get(name.upper().replace("-", "_")) is registry.get(name)


@pytest.mark.parametrize(("wrong", "right"), [("lama.cpp", "llama.cpp"), ("ecko", "echo")])
def test_an_unknown_name_brings_the_nearest(wrong: str, right: str) -> None:
    with pytest.raises(Invalid, match=f"no engine '{wrong}'.*Did you mean '{right}'"):
        Registry().get(wrong)


def test_no_engine_is_imported_before_it_is_asked_for() -> None:
    code = (
        "import sys; from xinfer.engines.registry import Registry; Registry().names();"
        "print([name for name in sys.modules if name.startswith('xinfer.engines.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['xinfer.engines.registry']"


def test_an_engine_of_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other_engines.py").write_text("class Thing:\n    name = 'thing'\n")
    info = tmp_path / "other_engines-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-engines\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[xinfer.engines]\nThing = other_engines:Thing\necho = other_engines:Thing\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry()
    assert registry.names()[-1] == "Thing"
    assert registry.get("thing").name == "thing"
    # A built-in name cannot be taken over.
    assert registry.get("echo").name == "echo"


def test_the_echo_engine_s_command_line() -> None:
    options = {"load_s": 1.5, "fail": "--no luck", "slots": 2}
    made = Registry().get("echo").command(launch(spec("echo", options=options)))
    assert made.argv[1:3] == ("-m", "xinfer.engines.hosts.echo")
    assert made.argv[-2:] == ("--load-s=1.5", "--fail=--no luck")
    assert (made.slots, made.announces) == (2, True)
