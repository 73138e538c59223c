"""`xinfer generate`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import click

from xinfer.cli.choice import handle, pick
from xinfer.cli.dialogue import converse
from xinfer.cli.server import Server, server_options, uid_argument
from xinfer.cli.terminate import chosen_uid
from xinfer.client import RESTfulGenerateModelHandle, Stream

_HELP = """\
/exit   leave (so does Ctrl-D)
A line that ends in \\ goes on in the next; \"\"\" opens and closes a block of lines.
Ctrl-C stops a text."""


@click.command()
@uid_argument(required=False)
@click.option("-u", "--model-uid", metavar="UID", help="The same, as an option.")
@click.option(
    *("--max-tokens", "--max_tokens"),
    type=click.IntRange(1),
    default=512,
    show_default=True,
    help="Longest text.",
)
@click.option(
    "--stream", type=bool, default=True, show_default=True, help="Show the text as it is made."
)
@server_options
def generate(
    server: Server, uid: str | None, model_uid: str | None, max_tokens: int, stream: bool
) -> None:
    """Let a model continue a text.

    Each text stands for itself; `xinfer chat` is for conversations. The model may be left out when
    exactly one that generates is ready. A text on standard input is continued on standard output.

    \b
    xinfer generate smollm2 --max_tokens 64
    echo "Once upon a time" | xinfer generate
    """
    with server.connect() as client:
        name = pick(client, chosen_uid(uid, model_uid), "generate")
        model = handle(client, name, RESTfulGenerateModelHandle, "generate")
        config = {"max_tokens": max_tokens, "stream": stream}
        if sys.stdin.isatty():
            click.echo(f"{name} at {client.base_url}. /help lists the commands.", err=True)
            converse(lambda text: _print(model, text, config), _command)
        else:
            prompt = sys.stdin.read().removesuffix("\n")
            if not prompt.strip():
                raise click.UsageError("Standard input holds no text.")
            _print(model, prompt, config)


def _print(model: RESTfulGenerateModelHandle, prompt: str, config: Mapping[str, Any]) -> None:
    """Print what follows the prompt, as it comes."""
    try:
        for piece in _pieces(model, prompt, config):
            click.echo(piece, nl=False)
    finally:
        click.echo()


def _pieces(
    model: RESTfulGenerateModelHandle, prompt: str, config: Mapping[str, Any]
) -> Iterator[str]:
    reply = model.generate(prompt, generate_config=config)
    if not isinstance(reply, Stream):
        yield str(reply["choices"][0].get("text") or "")
        return
    with closing(reply):
        for chunk in reply:
            for choice in chunk.get("choices", ()):
                yield str(choice.get("text") or "")


def _command(line: str) -> str:
    """Carry out a slash command. Raises EOFError for /exit."""
    if line in ("/exit", "/quit", "/bye"):
        raise EOFError
    return (
        _HELP if line in ("/help", "/?") else f"There is no command {line.split()[0]}. See /help."
    )
