"""Dockerfiles as lists of instructions, in the subset that ours use."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
KNOWN = frozenset(
    {
        *("ARG", "CMD", "COPY", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "RUN"),
        *("STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction and the text behind its name."""

    line: int
    name: str
    text: str

    @property
    def flags(self) -> dict[str, str]:
        """Leading `--name=value` words."""
        found = {}
        for word in self.text.split():
            if not word.startswith("--"):
                break
            name, _, value = word[2:].partition("=")
            found[name] = value
        return found

    @property
    def rest(self) -> str:
        """The text behind the flags."""
        text = self.text
        while text.startswith("--"):
            text = text.partition(" ")[2].lstrip()
        return text

    def command(self) -> list[str]:
        """The words of CMD or RUN, by a shell unless they are given as a list."""
        if self.rest.startswith("["):
            return [str(word) for word in json.loads(self.rest)]
        return ["/bin/sh", "-c", self.rest]

    def pairs(self, values: Mapping[str, str]) -> dict[str, str]:
        """The `name=value` words of ENV, LABEL or ARG, with variables filled in."""
        found = {}
        for word in shlex.split(self.rest):
            name, _, value = word.partition("=")
            found[name] = fill(value, values)
        return found


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with $NAME and ${NAME} replaced; unknown names become empty."""
    return _VARIABLE.sub(lambda match: values.get(match[1] or match[2], ""), text)


def read(path: Path) -> list[Instruction]:
    """The instructions of a file. Raises ValueError, with the line, for one that is not known."""
    found = []
    for number, text in _logical_lines(path.read_text(encoding="utf-8")):
        name, _, rest = text.partition(" ")
        if name.upper() not in KNOWN:
            raise ValueError(f"{path}:{number}: the instruction {name} is not known here")
        found.append(Instruction(line=number, name=name.upper(), text=rest.strip()))
    return found


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with continuations joined and comments left out."""
    whole, began = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#"):
            continue
        began = began or number
        if line.endswith("\\"):
            whole += line[:-1] + " "
            continue
        if (whole + line).strip():
            yield began, (whole + line).strip()
        whole, began = "", 0
