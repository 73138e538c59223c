"""Reading messages and keeping a conversation."""

from __future__ import annotations

import pytest

from xinfer.cli.conversation import Conversation
from xinfer.cli.lines import read_message


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["hello"], "hello"),
        (["a \\", "b\\", "c"], "a \nb\nc"),
        (['"""', "first", "", "  second", '"""'], "first\n\n  second"),
        (['"""one', 'two"""'], "one\ntwo"),
        (['"""inline"""'], "inline"),
    ],
)
def test_a_message_may_span_lines(typed: list[str], message: str) -> None:
    lines = iter(typed)
    assert read_message(lambda _prompt: next(lines)) == message
    assert list(lines) == []


def test_the_system_message_comes_first_and_survives_a_reset() -> None:
    talk = Conversation()
    talk.ask("hi")
    talk.answer("hello")
    talk.command("/system Be brief.")
    assert [message["role"] for message in talk.messages()] == ["system", "user", "assistant"]
    talk.command("/reset")
    assert talk.messages() == [{"role": "system", "content": "Be brief."}]
    talk.command("/system")
    assert talk.messages() == []


def test_a_question_without_an_answer_is_taken_back() -> None:
    """Otherwise two user turns would follow each other, which chat templates refuse."""
    talk = Conversation()
    talk.ask("hi")
    talk.answer("")
    assert talk.messages() == []


def test_commands_explain_themselves() -> None:
    talk = Conversation()
    assert "/system TEXT" in talk.command("/help")
    assert "Did you mean '/reset'" in talk.command("/rest")
    with pytest.raises(EOFError):
        talk.command("/exit")
