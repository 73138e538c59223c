"""What is written about the commands agrees with the commands."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from xinfer.cli.main import VERBS, main
from xinfer.cli.reference import reference

DOCS = Path(__file__).parents[3] / "docs" / "cli.md"


def test_the_reference_is_current() -> None:
    current = DOCS.read_text(encoding="utf-8")
    assert current == reference(), "run: python -m xinfer.cli.reference > docs/cli.md"


@pytest.mark.parametrize("name", VERBS)
def test_every_command_says_what_it_is_for_with_an_example(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.help is not None
    assert command.help.splitlines()[0] == VERBS[name].purpose
    assert "\b\n" in command.help, "no example"
    assert "xinfer" in command.help.partition("\b\n")[2]
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
