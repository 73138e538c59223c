"""Glob patterns over the names of files, with the rules of `Path.glob`."""

from __future__ import annotations

import fnmatch
from pathlib import PurePosixPath

from xinfer.errors import Invalid


def checked(pattern: str) -> str:
    """The pattern. Raises Invalid for one that is empty or could name a file elsewhere."""
    path = PurePosixPath(pattern)
    if not pattern or path.is_absolute() or ".." in path.parts:
        raise Invalid(
            f"The pattern '{pattern}' does not name files of the source.",
            "Patterns are relative to the source, such as '*Q4_K_M.gguf'.",
            key="source.files",
        )
    return pattern


def matches(name: str, pattern: str) -> bool:
    """Whether a name relative to the source matches; `*` ends at a slash, `**` does not."""
    return _match(PurePosixPath(name).parts, PurePosixPath(pattern).parts)


def _match(names: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    if not patterns:
        return not names
    first, rest = patterns[0], patterns[1:]
    if first == "**":
        return any(_match(names[skipped:], rest) for skipped in range(len(names) + 1))
    return bool(names) and fnmatch.fnmatchcase(names[0], first) and _match(names[1:], rest)
