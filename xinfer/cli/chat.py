"""`xinfer chat`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import click

from xinfer.cli.choice import handle, pick
from xinfer.cli.conversation import Conversation
from xinfer.cli.dialogue import converse
from xinfer.cli.server import Server, server_options, uid_argument
from xinfer.cli.terminate import chosen_uid
from xinfer.client import RESTfulChatModelHandle, Stream

_THOUGHT = "reasoning_content"


@click.command()
@uid_argument(required=False)
@click.option("-u", "--model-uid", metavar="UID", help="The same, as an option.")
@click.option("--system", default="", metavar="TEXT", help="System message to begin with.")
@click.option(
    *("--max-tokens", "--max_tokens"),
    type=click.IntRange(1),
    default=512,
    show_default=True,
    help="Longest reply.",
)
@click.option(
    "--stream", type=bool, default=True, show_default=True, help="Show the reply as it is made."
)
@server_options
def chat(
    server: Server,
    uid: str | None,
    model_uid: str | None,
    system: str,
    max_tokens: int,
    stream: bool,
) -> None:
    """Chat with a model in the terminal.

    The model may be left out when exactly one that chats is ready. Ctrl-C stops a reply, Ctrl-D
    leaves, /help lists the commands. A prompt on standard input gets one reply on standard output.

    \b
    xinfer chat
    xinfer chat smollm2 --system "Answer in French."
    echo "Name three rivers." | xinfer chat
    """
    with server.connect() as client:
        name = pick(client, chosen_uid(uid, model_uid), "chat")
        config = {"max_tokens": max_tokens, "stream": stream}
        chatting = handle(client, name, RESTfulChatModelHandle, "chat")
        session = Session(chatting, Conversation(system=system), config)
        if sys.stdin.isatty():
            click.echo(f"{name} at {client.base_url}. /help lists the commands.", err=True)
            converse(session.reply, session.conversation.command)
        else:
            prompt = sys.stdin.read().strip()
            if not prompt:
                raise click.UsageError("Standard input holds no prompt.")
            session.reply(prompt)


class Session:
    """A conversation with one model. `config` are the parameters of every request."""

    def __init__(
        self, handle: RESTfulChatModelHandle, conversation: Conversation, config: Mapping[str, Any]
    ) -> None:
        self._handle = handle
        self._config = config
        self.conversation = conversation

    def reply(self, text: str) -> None:
        """Print the model's answer and remember both; what was heard before an end of any kind
        (Ctrl-C, an error) stays in the conversation. What it thinks before is shown, and forgotten.
        """
        self.conversation.ask(text)
        heard: list[str] = []
        thinks = False
        try:
            for message in self._messages():
                thought, piece = message.get(_THOUGHT) or "", message.get("content") or ""
                if thought and sys.stdout.isatty():
                    click.secho(thought, dim=True, nl=False)
                    thinks = True
                if piece and thinks:
                    click.echo("\n")
                    thinks = False
                heard.append(piece)
                click.echo(piece, nl=False)
        finally:
            self.conversation.answer("".join(heard))
            click.echo()

    def _messages(self) -> Iterator[Mapping[str, Any]]:
        """The message, or its pieces as they come."""
        reply = self._handle.chat(self.conversation.messages(), generate_config=self._config)
        if not isinstance(reply, Stream):
            yield reply["choices"][0]["message"]
            return
        with closing(reply):
            for chunk in reply:
                for choice in chunk.get("choices", ()):
                    yield choice.get("delta", {})
