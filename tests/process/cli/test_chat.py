"""`xinfer chat` before a person, and in a pipe."""

from __future__ import annotations

import pytest

from tests.process.cli.conftest import XINFER, Run, environment
from tests.process.cli.terminal import terminal
from tests.unit.client.loopback import Loopback, model


def chats(server: Loopback) -> list[dict]:
    return server.bodies("POST", "/v1/chat/completions")


def test_a_conversation_is_kept_and_changed_by_commands(server: Loopback) -> None:
    with terminal([XINFER, "chat"], environment(server.url)) as screen:
        screen.expect(">>> ")
        screen.type("one \\\n")
        screen.expect("... ")
        screen.type("two\n")
        screen.expect("Hello there")
        screen.expect(">>> ")
        screen.type("/system Be brief.\n")
        screen.expect("System message set")
        screen.type("again\n")
        screen.expect("Hello there")
        screen.expect(">>> ")
        screen.type("\x04")
        assert screen.exit_status() == 0
    first, second = chats(server)
    assert first["messages"] == [{"role": "user", "content": "one \ntwo"}]
    assert second["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one \ntwo"},
        {"role": "assistant", "content": "Hello there"},
        {"role": "user", "content": "again"},
    ]
    assert (first["model"], first["stream"], first["max_tokens"]) == ("chat", True, 512)


def test_ctrl_c_stops_the_reply_and_not_the_program(server: Loopback) -> None:
    server.endless = True
    with terminal([XINFER, "chat"], environment(server.url)) as screen:
        screen.expect(">>> ")
        screen.type("count\n")
        screen.expect("tick tick")
        screen.type("\x03")
        screen.expect("(stopped)")
        assert server.client_gone.wait(60), "the server still generates"
        server.endless = False
        screen.expect(">>> ")
        screen.type("\x03")
        screen.expect("Ctrl-D or /exit")
        screen.type("go on\n")
        screen.expect("Hello there")
        screen.type("/exit\n")
        assert screen.exit_status() == 0
    heard = chats(server)[1]["messages"][1]
    assert heard["role"] == "assistant"
    assert heard["content"].startswith("tick tick")


def test_what_is_typed_during_a_reply_waits_for_the_next_prompt(server: Loopback) -> None:
    server.endless = True
    with terminal([XINFER, "chat"], environment(server.url)) as screen:
        screen.expect(">>> ")
        screen.type("count\n")
        screen.expect("tick tick")
        screen.type("and then\n")
        for _ in range(20):
            screen.expect("tick tick")
        assert "and then" not in screen.shown
        server.endless = False
        screen.expect(">>> and then")
        screen.expect("Hello there")
        screen.type("/exit\n")
        assert screen.exit_status() == 0


def test_a_thought_is_shown_and_is_no_part_of_the_reply(server: Loopback, xinfer: Run) -> None:
    server.thought = "hm, hm"
    with terminal([XINFER, "chat"], environment(server.url)) as screen:
        screen.expect(">>> ")
        for _ in range(2):
            screen.type("hi\n")
            screen.expect("hm, hm")
            screen.expect("Hello there")
            screen.expect(">>> ")
        screen.type("/exit\n")
        assert screen.exit_status() == 0
    assert chats(server)[1]["messages"][1] == {"role": "assistant", "content": "Hello there"}
    assert xinfer("chat", text="hi").stdout == "Hello there\n"


def test_an_error_in_a_reply_leaves_the_conversation_open(server: Loopback) -> None:
    with terminal([XINFER, "chat", "chat"], environment(server.url)) as screen:
        screen.expect(">>> ")
        server.fail_with = (503, {"error": {"message": "it loads", "type": "x"}})
        screen.type("hi\n")
        screen.expect("it loads")
        server.fail_with = None
        screen.expect(">>> ")
        screen.type("hi again\n")
        screen.expect("Hello there")
        screen.expect(">>> ")
        screen.type("\x04")
        assert screen.exit_status() == 0
    assert [m["content"] for m in chats(server)[-1]["messages"]] == ["hi again"]


@pytest.mark.parametrize("stream", ["true", "false"])
def test_a_piped_prompt_gets_one_reply(xinfer: Run, stream: str) -> None:
    done = xinfer("chat", "--stream", stream, "--system", "S", text="Say\nhello.\n")
    assert (done.returncode, done.stdout) == (0, "Hello there\n")


def test_a_piped_prompt_that_fails_ends_with_1(xinfer: Run, server: Loopback) -> None:
    server.stream_error = "the engine ended"
    done = xinfer("chat", text="hello")
    assert done.returncode == 1
    assert "the engine ended" in done.stderr
    assert "Traceback" not in done.stderr
    assert xinfer("chat", text="").returncode == 2


def test_the_model_may_be_left_out_only_when_there_is_one(xinfer: Run, server: Loopback) -> None:
    server.models["slow"] = model("slow", "loading")
    assert xinfer("chat", text="hi").returncode == 0
    server.models["other"] = model("other")
    several = xinfer("chat", text="hi")
    assert several.returncode == 1
    assert "Several models chat: chat, other" in several.stderr
    assert xinfer("chat", "--model-uid", "other", text="hi").returncode == 0
    server.models = {"words": model("words", model_type="embedding", model_ability=["embed"])}
    assert "No model that chats is ready" in xinfer("chat", text="hi").stderr
    assert "no handle" not in xinfer("chat", "words", text="hi").stderr
