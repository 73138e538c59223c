"""`xinfer chat`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from typing import Any

import click

from xinfer.cli.conversation import Conversation
from xinfer.cli.failure import Failure
from xinfer.cli.lines import read_message
from xinfer.cli.server import Server, failure_of, find_model, server_options, uid_argument
from xinfer.cli.terminate import chosen_uid
from xinfer.client import ClientError, RESTfulChatModelHandle, RESTfulClient, Stream


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
        name = _pick(client, chosen_uid(uid, model_uid))
        config = {"max_tokens": max_tokens, "stream": stream}
        session = Session(_handle(client, name), Conversation(system=system), config)
        if sys.stdin.isatty():
            click.echo(f"{name} at {client.base_url}. /help lists the commands.", err=True)
            _converse(session)
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
        (Ctrl-C, an error) stays in the conversation.
        """
        self.conversation.ask(text)
        heard: list[str] = []
        try:
            for piece in self._pieces():
                heard.append(piece)
                click.echo(piece, nl=False)
        finally:
            self.conversation.answer("".join(heard))
            click.echo()

    def _pieces(self) -> Iterator[str]:
        reply = self._handle.chat(self.conversation.messages(), generate_config=self._config)
        if not isinstance(reply, Stream):
            yield str(reply["choices"][0]["message"].get("content") or "")
            return
        with closing(reply):
            for chunk in reply:
                for choice in chunk.get("choices", ()):
                    yield str(choice.get("delta", {}).get("content") or "")


def _converse(session: Session) -> None:
    """Read and answer until Ctrl-D or /exit."""
    _enable_line_editing()
    while True:
        try:
            text = read_message(input).strip()
            if text.startswith("/"):
                click.echo(session.conversation.command(text))
            elif text:
                _reply(session, text)
        except EOFError:
            click.echo()
            return
        except KeyboardInterrupt:
            click.echo("\n(Ctrl-D or /exit leaves.)", err=True)


def _reply(session: Session, text: str) -> None:
    try:
        session.reply(text)
    except KeyboardInterrupt:
        click.echo("(stopped)", err=True)
    except ClientError as error:
        failure_of(error).show()


def _pick(client: RESTfulClient, uid: str | None) -> str:
    """The uid to chat with. Raises Failure when it is not known or the choice is not clear."""
    if uid is not None:
        find_model(client, uid)
        return uid
    chatters = {
        name: model
        for name, model in client.list_models().items()
        if "chat" in (model.get("model_ability") or ())
    }
    ready = sorted(name for name, model in chatters.items() if model.get("state") == "ready")
    if len(ready) == 1:
        return ready[0]
    if ready:
        raise Failure(
            f"Several models chat: {', '.join(ready)}.", f"Name one: `xinfer chat {ready[0]}`."
        )
    waiting = f"Not ready yet: {', '.join(chatters)}; see `xinfer status`." if chatters else ""
    raise Failure(
        "No model that chats is ready.", waiting or "Launch one: see `xinfer launch --help`."
    )


def _handle(client: RESTfulClient, uid: str) -> RESTfulChatModelHandle:
    """The chat handle of a model. Raises Failure for a model that does not chat."""
    try:
        handle = client.get_model(uid)
    except ValueError as error:
        raise Failure(str(error)) from error
    if not isinstance(handle, RESTfulChatModelHandle):
        raise Failure(f"'{uid}' does not chat.", "`xinfer list` shows what the models are for.")
    return handle


def _enable_line_editing() -> None:
    """Arrow keys and history at the prompt, where Python was built with them."""
    with suppress(ImportError):
        import readline  # noqa: F401
