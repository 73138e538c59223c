"""Read a message from a terminal: one line, or several."""

from __future__ import annotations

from collections.abc import Callable

_FENCE = '"""'


def read_message(ask: Callable[[str], str]) -> str:
    """One message. A line that ends in a backslash goes on; `\"""` opens and closes a block.

    `ask(prompt)` returns a line; its EOFError and KeyboardInterrupt pass through.
    """
    line = ask(">>> ")
    if line.lstrip().startswith(_FENCE):
        return _block(line.lstrip()[len(_FENCE) :], ask)
    lines = [line]
    while lines[-1].endswith("\\"):
        lines[-1] = lines[-1][:-1]
        lines.append(ask("... "))
    return "\n".join(lines)


def _block(line: str, ask: Callable[[str], str]) -> str:
    lines = []
    while _FENCE not in line:
        lines.append(line)
        line = ask("... ")
    lines.append(line.partition(_FENCE)[0])
    return "\n".join(lines).strip("\n")
