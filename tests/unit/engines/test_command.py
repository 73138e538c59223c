"""The engine of any program: its command line, and what is wrong with one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.engines.launches import MACHINE, files_of, launch, spec
from xinfer.engines.command import CommandEngine
from xinfer.errors import Invalid

ENGINE = CommandEngine()


def argv(line: str, **more: Any) -> tuple[str, ...]:
    wanted = spec("command", options={"command": line}, **more)
    files = files_of(Path("/models/a b.gguf"))
    return ENGINE.command(launch(wanted, files)).argv


def test_names_are_filled_in_word_by_word() -> None:
    line = "serve -p{port} --at {host}:{port} '{model_path}' --name {uid}"
    assert argv(line, extra_args=("--more",)) == (
        *("serve", "-p4711", "--at", "127.0.0.1:4711", "/models/a b.gguf", "--name", "chat"),
        "--more",
    )


def test_other_braces_stay() -> None:
    assert argv("""serve --port {port} --set '{"a": {b}}' '{{x}}'""")[3:] == (
        *("--set", '{"a": {b}}', "{{x}}"),
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "needs a command line"),
        ("serve --port 80", "does not say where the port goes"),
        ("serve 'x --port {port}", "cannot be read"),
    ],
)
def test_a_wrong_line_is_refused(line: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        argv(line)
    with pytest.raises(Invalid, match=words):
        ENGINE.supports(spec("command", options={"command": line}), MACHINE)


def test_a_program_that_is_not_there() -> None:
    missing = spec("command", options={"command": "no-such-program-here {port}"})
    verdict = ENGINE.supports(missing, MACHINE)
    assert not verdict.ok
    assert "'no-such-program-here'" in verdict.reason
    there = spec("command", options={"command": f"{sys.executable} {{port}}"})
    assert ENGINE.supports(there, MACHINE).ok


def test_options_of_the_process() -> None:
    options = {
        "command": "x {port}",
        "ready": "/v1/models",
        "served_model": "m",
        "slots": 3,
        "stop_grace_s": 0.0,
    }
    made = ENGINE.command(launch(spec("command", options=options)))
    assert (made.ready_path, made.served_model, made.slots) == ("/v1/models", "m", 3)
    assert made.stop_grace_s == 0.0
    assert not made.announces
