"""The commands that show and stop, as programs use them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator

import pytest
import yaml

from tests.process.cli.conftest import XINFER, Run, environment
from tests.process.cli.terminal import terminal
from tests.unit.client.loopback import Loopback, Step, model


def test_list_for_people_and_programs(xinfer: Run, server: Loopback) -> None:
    server.models["down[1]"] = model("down[1]", "failed", model_size_in_billions=None)
    lines = xinfer("list").stdout.splitlines()
    assert lines[0].split("   ")[0] == "UID"
    assert "Size (in billions)" in lines[0]
    fields = ("chat", "LLM", "chat-name", "ggufv2", "0_5", "Q4_K_M", "ready", "2/2", "llama.cpp")
    assert tuple(lines[1].split()) == fields
    assert lines[2].split()[0] == "down[1]"
    entries = list(server.models.values())
    assert json.loads(xinfer("list", "-o", "json").stdout) == entries
    assert yaml.safe_load(xinfer("list", "-o", "yaml").stdout) == entries


def test_list_of_nothing(xinfer: Run, server: Loopback) -> None:
    server.models.clear()
    assert json.loads(xinfer("list", "-o", "json").stdout) == []
    assert xinfer("list").returncode == 0


def test_terminate_by_either_spelling(xinfer: Run, server: Loopback) -> None:
    server.models["two"] = model("two")
    assert xinfer("terminate", "--model-uid", "chat").returncode == 0
    assert xinfer("terminate", "two").returncode == 0
    assert server.models == {}
    assert xinfer("terminate").returncode == 2


@pytest.mark.parametrize("verb", ["terminate", "logs", "timeline", "events", "replicas", "chat"])
def test_an_unknown_uid_names_the_nearest(xinfer: Run, verb: str) -> None:
    done = xinfer(verb, "caht", text="hi")
    assert done.returncode == 1
    assert "There is no model 'caht'" in done.stderr
    assert "Did you mean 'chat'?" in done.stderr


@pytest.mark.parametrize("verb", ["list", "status", "chat"])
def test_no_server_says_how_to_start_one(xinfer: Run, verb: str) -> None:
    done = xinfer(verb, text="hi", XINFER_ENDPOINT="http://127.0.0.1:1")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "No server answers at http://127.0.0.1:1" in done.stderr
    assert "xinfer up" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_endpoint_is_found_as_the_peers_is(xinfer: Run, server: Loopback) -> None:
    dead = "http://127.0.0.1:1"
    assert xinfer("list", "-e", f"{server.url}/v1/", XINFER_ENDPOINT=dead).returncode == 0
    bare = server.url.removeprefix("http://")
    assert xinfer("list", XINFER_ENDPOINT="", XINFERENCE_ENDPOINT=bare).returncode == 0
    assert xinfer("list", "-e", "ftp://x").returncode == 2


def test_the_key_is_sent_and_its_refusal_explained(xinfer: Run, server: Loopback) -> None:
    xinfer("list", "-ak", "k1")
    xinfer("list", XINFER_API_KEY="k2")
    assert server.authorizations == ["Bearer k1", "Bearer k2"]
    server.fail_with = (401, {"detail": "This key is not valid."})
    done = xinfer("list")
    assert done.returncode == 1
    assert "--api-key" in done.stderr


def test_status_shows_nodes_models_and_the_cause(xinfer: Run, server: Loopback) -> None:
    cause = {"phase": "loading", "summary": "Killed: out of memory.", "out_of_memory": True}
    server.steps = [Step("failed", [("loading", 1.0)], cause=cause | {"tail": ["| [last] words"]})]
    shown = xinfer("status")
    assert shown.returncode == 0, shown.stderr
    for words in ("up for 1 h 2 min", "6.0 GiB", "12.0 GiB free of 24.0 GiB", "failed"):
        assert words in shown.stdout
    for words in ("failed while loading", "Killed: out of memory.", "[last] words", "less memory"):
        assert words in shown.stdout
    data = json.loads(xinfer("status", "-o", "json").stdout)
    assert {node["node_type"] for node in data["nodes"]} == {"Supervisor", "Worker"}
    assert data["models"][0]["timeline"][0]["cause"]["summary"] == "Killed: out of memory."


def test_history_of_a_model(xinfer: Run) -> None:
    assert "1.5 s" in xinfer("timeline", "chat").stdout
    assert "it [serves]" in xinfer("events", "chat").stdout
    assert "chat-rep0" in xinfer("replicas", "chat").stdout
    spans = json.loads(xinfer("timeline", "chat", "-o", "json").stdout)[0]["phases"]
    assert [span["phase"] for span in spans] == ["loading", "ready"]


def test_a_replica_that_does_not_serve_is_not_shown_as_ready(xinfer: Run, server: Loopback) -> None:
    why = "its node 'b' is lost"
    replica = {"replica_model_uid": "chat-rep0", "node": "b", "phase": "ready", "status": "ERROR"}
    said = replica | {"unwell": why, "error_message": why}
    server.replies["/v1/models/chat/replicas"] = (200, [said])
    row = xinfer("replicas", "chat").stdout.splitlines()[-1]
    assert row.split()[:4] == ["chat-rep0", "b", "-", "unwell"]
    assert row.rstrip().endswith(why)


def test_logs_are_printed_as_they_are(xinfer: Run, server: Loopback) -> None:
    server.logs = ["plain", "[bold]not markup[/]", "ünïcode"]
    done = xinfer("logs", "chat", "--tail", "5", "--replica", "1")
    assert done.stdout.splitlines() == list(server.logs)
    assert server.bodies("GET", "/v1/models/chat/logs") == [{"tail": ["5"], "replica": ["1"]}]


def test_following_a_log_ends_quietly_with_ctrl_c(server: Loopback) -> None:
    server.logs = _until_gone(server)
    command = [XINFER, "logs", "-f", "chat"]
    with terminal(command, environment(server.url)) as screen:
        screen.expect("line")
        screen.type("\x03")
        assert screen.exit_status() == 0
    assert server.client_gone.wait(60)


def _until_gone(server: Loopback) -> Iterator[str]:
    while not server.client_gone.wait(0.01):
        yield "line"


@pytest.mark.parametrize("words", [("lsit",), ("list", "-o", "xml"), ("launch", "stray")])
def test_a_wrong_word_ends_with_2(xinfer: Run, words: tuple[str, ...]) -> None:
    done = xinfer(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    if words == ("lsit",):
        assert "Did you mean 'list'?" in done.stderr


def test_version_and_help(xinfer: Run) -> None:
    assert xinfer("-v").stdout.startswith("xinfer ")
    assert "launch" in xinfer("--help").stdout


def test_help_loads_neither_http_nor_terminal_libraries() -> None:
    """Time to help is import time; measured by what is imported, so that load cannot fail it."""
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from xinfer.cli.main import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "heavy = {'httpx', 'rich', 'yaml', 'msgspec', 'hydra', 'asyncio'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    python = XINFER.removesuffix("xinfer") + "python"
    subprocess.run([python, "-c", code], check=True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_printed(xinfer: Run, shell: str) -> None:
    done = xinfer("completion", shell)
    assert done.returncode == 0
    assert "_XINFER_COMPLETE" in done.stdout


def _bash_completes() -> bool:
    """Whether there is a bash of 4.4 or newer; macOS ships an older one."""
    if shutil.which("bash") is None:
        return False
    script = "echo $((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1]))"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    return int(done.stdout) >= 404


@pytest.mark.skipif(not _bash_completes(), reason="needs bash 4.4 or newer")
@pytest.mark.parametrize(
    ("line", "expected"),
    [("xinfer l", {"list", "launch", "login", "logout", "logs"}), ("xinfer logs c", {"chat"})],
)
def test_bash_completes_commands_and_uids(
    xinfer: Run, server: Loopback, line: str, expected: set[str]
) -> None:
    words = line.split()
    script = (
        xinfer("completion", "bash").stdout
        + f"\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}\n"
        + '_xinfer_completion xinfer\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    env = environment(server.url)
    env["PATH"] = XINFER.removesuffix("/xinfer") + ":" + env["PATH"]
    done = subprocess.run(
        ["bash", "-c", script], env=env, capture_output=True, text=True, check=False
    )
    assert set(done.stdout.split()) == expected, done.stderr
