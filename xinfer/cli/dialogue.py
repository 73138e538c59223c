"""A person at a terminal and a model that answers: read, answer, until it is enough."""

from __future__ import annotations

import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import click

from xinfer.cli.lines import read_message
from xinfer.cli.server import failure_of
from xinfer.client import ClientError

Act = Callable[[str], None]

_LOCAL_MODES = 3
"""The place of those flags in what termios tells."""


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
        with _unechoed():
            answer(text)
    except KeyboardInterrupt:
        click.echo("(stopped)", err=True)
    except ClientError as error:
        failure_of(error).show()


@contextmanager
def _unechoed() -> Iterator[None]:
    """What is typed during a reply is not shown in the midst of it; the next prompt gets it."""
    terminal = sys.stdin.fileno()
    try:
        before = termios.tcgetattr(terminal)
    except termios.error:
        yield
        return
    changed = [*before]
    changed[_LOCAL_MODES] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSADRAIN, changed)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _enable_line_editing() -> None:
    """Arrow keys and history at the prompt, where Python was built with them."""
    with suppress(ImportError):
        import readline  # noqa: F401
