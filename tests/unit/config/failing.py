"""One way of getting a recipe wrong, and what is to be said about it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.unit.config.conftest import Refuse

ECHO = "models:\n  chat:\n    engine: echo\n"
LLAMA = "models:\n  chat:\n    engine: llama.cpp\n    source: {package: weights}\n"


@dataclass(frozen=True)
class Case:
    """`start` is the beginning of the message, `says` a part of it, `hint` a part of the hint."""

    name: str
    text: str | bytes
    start: str
    says: str
    hint: str
    overrides: tuple[str, ...] = ()


def each(cases: list[Case]) -> pytest.MarkDecorator:
    """Run a test once for each `case`."""
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name.replace(" ", "-"))


def assert_explained(case: Case, refused: Refuse) -> None:
    """The recipe is refused with file, line, full key and the way out, in one line."""
    error = refused(case.text, *case.overrides)
    assert error.message.startswith(case.start), error.message
    assert case.says in error.message
    assert case.hint in error.hint
    assert "\n" not in error.message, "one line"
