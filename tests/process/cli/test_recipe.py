"""What was launched by hand becomes a recipe, and a text is continued: both with a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.process.appliance import Appliance
from tests.process.cli.conftest import XINFER
from tests.process.cli.terminal import terminal

RECIPE = """\
defaults: [base]
models:
  first: {engine: echo, engine_kwargs: {slots: 2}, env: {GREETING: "${oc.env:HOME} \\\\${x}"}}
"""


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    made = Appliance(tmp_path_factory.mktemp("recipe"), RECIPE)
    made.start().wait_ready({"first": 1})
    yield made
    made.destroy()


def test_an_exported_recipe_changes_nothing_and_keeps_what_was_launched(
    one: Appliance, tmp_path: Path
) -> None:
    launched = one.run("xinfer", "launch", "-n", "second", "-en", "echo", "-r", "2")
    assert launched.returncode == 0, launched.stderr
    file = tmp_path / "mine.yaml"
    done = one.run("xinfer", "recipe", "export", "-f", str(file))
    assert (done.returncode, "2 models" in done.stderr) == (0, True)
    assert file.stat().st_mode & 0o077 == 0
    models = yaml.safe_load(file.read_text())["models"]
    assert models["second"]["replicas"] == 2
    assert one.run("xinfer", "terminate", "second").returncode == 0
    applied = one.run("xinfer-up", str(file), f"cluster.port={one.port}")
    assert applied.returncode == 0, applied.stderr
    assert "unchanged: first" in applied.stdout
    one.wait_ready({"first": 1, "second": 2})


def test_a_text_is_continued(one: Appliance) -> None:
    for stream in ("true", "false"):
        done = one.run("xinfer", "generate", "first", "--stream", stream, text="Once upon\n")
        assert (done.returncode, done.stdout) == (0, "Once upon\n"), done.stderr
    with terminal([XINFER, "generate", "--model-uid", "first"], one.environment) as screen:
        screen.expect(">>> ")
        screen.type("a rose\n")
        screen.expect("a rose")
        screen.expect("a rose")
        screen.expect(">>> ")
        screen.type("/exit\n")
        assert screen.exit_status() == 0
