"""A conversation: its messages, and the slash commands that change it."""

from __future__ import annotations

from dataclasses import dataclass, field

from xinfer.domain.names import did_you_mean

HELP = """\
/system TEXT   set the system message (without TEXT: remove it)
/reset         forget the conversation
/exit          leave (so does Ctrl-D)
A line that ends in \\ goes on in the next; \"\"\" opens and closes a block of lines.
Ctrl-C stops a reply."""
_COMMANDS = ("/system", "/reset", "/help", "/exit")


@dataclass(slots=True)
class Conversation:
    """What was said so far; `system` comes before it."""

    system: str = ""
    said: list[dict[str, str]] = field(default_factory=list)

    def messages(self) -> list[dict[str, str]]:
        """All that the model is to see."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, *self.said]

    def ask(self, text: str) -> None:
        """Add the person's turn."""
        self.said.append({"role": "user", "content": text})

    def answer(self, text: str) -> None:
        """Add the model's turn; an empty one takes the question back, as if it was not asked."""
        if text:
            self.said.append({"role": "assistant", "content": text})
        else:
            self.said.pop()

    def command(self, line: str) -> str:
        """Carry out a slash command and return what to show. Raises EOFError for /exit."""
        name, _, rest = line.partition(" ")
        if name in ("/exit", "/quit", "/bye"):
            raise EOFError
        if name == "/system":
            self.system = rest.strip()
            return "System message set." if self.system else "System message removed."
        if name == "/reset":
            self.said.clear()
            return "Conversation forgotten."
        if name in ("/help", "/?"):
            return HELP
        return f"There is no command {name}. {did_you_mean(name, _COMMANDS)} See /help."
