"""A person at a terminal and a model that answers: read, answer, until it is enough."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import click

from xinfer.cli.lines import read_message
from xinfer.cli.server import failure_of
from xinfer.client import ClientError

Act = Callable[[str], None]


def converse(answer: Act, command: Callable[[str], str]) -> None:
    """Read and answer until Ctrl-D, or a command that raises EOFError.

    `answer` prints the reply to a text. A message that begins with a slash goes to `command`, which
    returns what to show. Ctrl-C stops a reply; at the prompt it says how to leave.
    """
    _enable_line_editing()
    while True:
        try:
            text = read_message(input).strip()
            if text.startswith("/"):
                click.echo(command(text))
            elif text:
                _reply(answer, text)
        except EOFError:
            click.echo()
            return
        except KeyboardInterrupt:
            click.echo("\n(Ctrl-D or /exit leaves.)", err=True)


def _reply(answer: Act, text: str) -> None:
    try:
        answer(text)
    except KeyboardInterrupt:
        click.echo("(stopped)", err=True)
    except ClientError as error:
        failure_of(error).show()


def _enable_line_editing() -> None:
    """Arrow keys and history at the prompt, where Python was built with them."""
    with suppress(ImportError):
        import readline  # noqa: F401
