"""Makes `docs/cli.md` from the commands: `python -m xinfer.cli.reference > docs/cli.md`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from xinfer.cli.main import VERBS, main

_HEAD = """\
# The command line

Made from the commands by `python -m xinfer.cli.reference`; a test keeps it current.
"""
_WIDTH = 96


def reference() -> str:
    """The page: the help of `xinfer` and of each command, as people see it."""
    settings = {**main.context_settings, "terminal_width": _WIDTH}
    root = click.Context(main, info_name="xinfer", **settings)
    parts = [_HEAD, _block(main.get_help(root))]
    for name in VERBS:
        command = main.get_command(root, name)
        assert command is not None
        context = click.Context(
            command, info_name=name, parent=root, **{**settings, **command.context_settings}
        )
        parts += [f"## xinfer {name}\n", _block(command.get_help(context))]
        if isinstance(command, click.Group):
            parts += _children(command, context, settings)
    return "\n".join(parts)


def _children(group: click.Group, parent: click.Context, settings: Mapping[str, Any]) -> list[str]:
    parts = []
    for name, command in group.commands.items():
        context = click.Context(command, info_name=name, parent=parent, **settings)
        parts += [f"### {context.command_path}\n", _block(command.get_help(context))]
    return parts


def _block(text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return f"```text\n{lines}\n```\n"


if __name__ == "__main__":
    click.echo(reference(), nl=False)
