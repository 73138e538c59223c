"""The life of an installation as a user leads it: up, use, again, down."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from pathlib import Path

import psutil

from tests.process.appliance import wait_until
from tests.process.cli.terminal import terminal
from tests.process.conftest import Start

ECHO = """
defaults: [base]
models:
  parrot: {engine: echo}
"""


def test_up_shows_phases_then_the_endpoint_and_ctrl_c_leaves_nothing(appliance: Start) -> None:
    one = appliance(ECHO).start()
    one.wait_ready({"parrot": 1})
    status, reply = one.chat("parrot", "say this")
    assert status == 200
    assert reply["choices"][0]["message"]["content"] == "say this"
    wait_until("the closing line", lambda: "1 of 1 models ready" in one.output.read_text())
    assert len(one.processes()) >= 7
    assert one.interrupt(signal.SIGINT) == 0
    assert one.processes() == []
    # The state is one whole file, to be copied.
    assert [path.name for path in (one.home / "state").iterdir()] == ["xinfer.db"]
    text = one.output.read_text()
    assert re.search(r"[0-9.]+ s  parrot-rep0\s+starting", text), text
    assert re.search(r"[0-9.]+ s  parrot-rep0\s+ready\s+after [0-9.]+ s", text), text
    assert f"{one.url}/v1" in text
    assert "curl " in text


def test_ps_tells_role_and_model_of_every_process(appliance: Start) -> None:
    one = appliance(ECHO).start()
    one.wait_ready({"parrot": 1})
    for process in one.processes():
        title = " ".join(process.cmdline())
        assert title.startswith("xinfer: "), title
    assert len(one.processes("xinfer: shim parrot-rep0")) == 1
    assert len(one.processes("xinfer: echo parrot")) == 1


def test_a_log_of_ours_that_grows_large_is_put_aside_while_it_is_written(appliance: Start) -> None:
    one = appliance(ECHO, "gateway.access_log=true").start()
    one.wait_ready({"parrot": 1})
    log = one.home / "logs" / "supervisor.log"
    with log.open("a") as file:
        file.write("x" * 79 + "\n" + "y" * 11_000_000 + "\n")
    wait_until("it to be put aside", log.with_suffix(".log.1").exists)
    assert one.chat("parrot")[0] == 200
    wait_until("a line of the new one", lambda: log.exists() and "POST" in log.read_text())
    assert log.stat().st_size < 100_000


def test_the_same_recipe_again_changes_nothing(appliance: Start) -> None:
    one = appliance(ECHO).start()
    one.wait_ready({"parrot": 1})
    before = {process.pid for process in one.processes()}
    again = one.run(*map(str, ["xinfer-up", one.recipe, f"cluster.port={one.port}"]))
    assert again.returncode == 0, again.stderr
    assert "unchanged" in again.stdout
    assert {process.pid for process in one.processes()} == before


def test_a_changed_recipe_is_applied_to_what_runs(appliance: Start) -> None:
    one = appliance(ECHO).start()
    one.wait_ready({"parrot": 1})
    engine = one.processes("xinfer: echo parrot")[0].pid
    more = ["models.parrot.replicas=2", "+models.second={engine: echo}", "gateway.workers=2"]
    again = one.run("xinfer-up", str(one.recipe), f"cluster.port={one.port}", *more)
    assert re.findall(r"at the next start: (.*)", again.stdout) == ["gateway.workers"]
    assert again.returncode == 0, again.stderr
    one.wait_ready({"parrot": 2, "second": 1})
    assert engine in {process.pid for process in one.processes("xinfer: echo parrot")}


def test_a_bare_restart_brings_the_declared_models_back(appliance: Start) -> None:
    one = appliance(ECHO).start()
    one.wait_ready({"parrot": 1})
    assert one.interrupt(signal.SIGTERM) == 0
    one.recipe = None
    one.output.unlink()
    one.start()
    # Not what was reported before: those replicas are gone.
    wait_until("its last lines", lambda: "1 of 1" in one.output.read_text())
    said = one.output.read_text()
    assert len(re.findall(r"parrot-rep0 +ready", said)) == 1
    assert not re.search(r" 0\.0 s +parrot-rep0", said), said
    assert one.chat("parrot")[0] == 200


def test_models_may_be_declared_by_overrides_alone(appliance: Start) -> None:
    one = appliance(None, "+models.parrot.engine=echo").start()
    one.wait_ready({"parrot": 1})
    bare = one.run("xinfer-up")
    assert bare.returncode == 0, bare.stderr
    assert bare.stdout == f"already running: {one.url}/v1\n"


def test_without_a_recipe_an_empty_cluster_takes_models(appliance: Start) -> None:
    one = appliance(None).start()
    wait_until("an empty cluster", lambda: one.request("GET", "/readyz")[0] == 200)
    assert one.models() == {}
    done = one.run("xinfer", "launch", "-n", "bird", "-en", "echo")
    assert done.returncode == 0, done.stderr
    listed = one.run("xinfer", "list", "-o", "json")
    assert [model["id"] for model in json.loads(listed.stdout)] == ["bird"]
    assert one.run("xinfer", "terminate", "--model-uid", "bird").returncode == 0
    wait_until("no engine", lambda: not one.processes("xinfer: echo"))


def test_replicas_that_find_no_room_are_told_beside_those_that_serve(appliance: Start) -> None:
    third = int(0.3 * psutil.virtual_memory().total)
    one = appliance(None, f"+models.wide={{engine: echo, memory: {third}, replicas: 4}}").start()
    wait_until("its last lines", lambda: "1 of 1 models ready" in one.output.read_text())
    short = r"wide: \d of 4 replicas so far\. No node can take a replica that needs"
    wait_until("what is missing", lambda: re.search(short, one.output.read_text()))
    assert "No node can take" in one.models()["wide"]["reason"]
    assert one.chat("wide")[0] == 200


def test_detached_and_down(appliance: Start) -> None:
    one = appliance(ECHO)
    up = one.run(*one.command_line("--detach"))
    assert up.returncode == 0, up.stderr
    assert "1 of 1 models ready" in up.stdout
    assert one.chat("parrot")[0] == 200
    assert len(one.processes("xinfer: launcher")) == 1
    down = one.run("xinfer", "down")
    assert down.returncode == 0, down.stderr
    assert one.processes() == []
    nothing = one.run("xinfer", "down")
    assert nothing.returncode == 1
    assert "Nothing runs" in nothing.stderr
    (one.home / "state" / "xinfer.db").write_text("no state at all, but a long text instead of it")
    broken = one.run(*one.command_line("--detach"))
    assert broken.returncode == 1
    assert "not a database" in broken.stderr
    assert "Restore a backup" in broken.stderr
    assert one.processes() == []


def test_ctrl_c_ends_the_waiting_and_not_what_is_waited_for(appliance: Start) -> None:
    one = appliance("defaults: [base]\nmodels: {slow: {engine: echo, engine_kwargs: {load_s: 60}}}")
    for words in (["--detach"], []):
        with terminal(one.command(*words), one.environment) as screen:
            screen.expect("loading")
            screen.type("\x03")
            screen.expect("It goes on without you.")
            assert screen.exit_status() == 130
        assert one.models()["slow"]["state"] == "loading"
    assert one.run("xinfer", "down").returncode == 0
    assert one.processes() == []


def test_a_failure_before_any_engine_ran_leads_to_no_empty_log(appliance: Start) -> None:
    one = appliance("models: {m: {engine: llama.cpp, source: {package: ../gone}}}")
    up = one.run(*one.command_line("--detach"))
    assert "`xinfer status` shows why" in up.stdout, up
    status, reply = one.chat("m")
    assert status == 503
    assert ".." not in reply["detail"].replace("../gone", ""), reply
    log = one.run("xinfer", "logs", "m")
    assert (log.returncode, log.stdout) == (0, "")
    assert "No engine of 'm' has written anything; see `xinfer status`." in log.stderr
    assert one.run("xinfer", "down").returncode == 0


def test_a_file_in_place_of_the_home_is_named(appliance: Start) -> None:
    one = appliance(ECHO)
    one.home.write_text("mine")
    up = one.run(*one.command_line())
    assert up.returncode == 1
    assert f"{one.home} is no folder. Move that file away" in up.stderr


def test_a_new_admin_key_is_shown_once_and_to_a_person(appliance: Start) -> None:
    one = appliance('defaults: [base]\nauth: {mode: "on"}\nmodels: {parrot: {engine: echo}}')
    with terminal(one.command("--detach"), one.environment) as screen:
        screen.expect("it is shown this once: ")
        assert screen.exit_status() == 0
        key = (one.home / "run" / "admin.key").read_text()
        assert key in screen.shown
        tried = re.search(r"try: (curl .*)", screen.shown)
        assert tried is not None
    shell = subprocess.run(["sh", "-c", tried[1]], capture_output=True, text=True, check=True)
    assert "Say hello." in shell.stdout
    assert one.run("xinfer", "down").returncode == 0
    with terminal(one.command(), one.environment) as screen:
        screen.expect("callers need a key")
        screen.expect("Ctrl-C ends it")
        assert key not in screen.shown
    assert all(key.encode() not in path.read_bytes() for path in one.home.glob("logs/*"))


def test_a_port_in_use_is_refused_with_its_holder(appliance: Start) -> None:
    one = appliance(ECHO)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", one.port))
        holder.listen()
        done = one.run(*one.command_line())
    assert done.returncode == 2
    assert f"command line: cluster.port={one.port}: cluster.port: " in done.stderr
    assert str(psutil.Process().pid) in done.stderr
    assert one.processes() == []


def test_a_launch_that_fails_shows_the_engines_last_words(appliance: Start) -> None:
    one = appliance(None).start()
    wait_until("an empty cluster", lambda: one.request("GET", "/readyz")[0] == 200)
    script = "import sys; raise ValueError('weights are made of cheese')"
    done = one.run(
        "xinfer", "launch", "-n", "broken", "-en", "command",
        "--command", f'python3 -c "{script}" {{port}}',
    )  # fmt: skip
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "ValueError: weights are made of cheese" in said
    status, reply = one.chat("broken")
    assert status == 503
    assert "weights are made of cheese" in reply["error"]["message"]


def test_dry_run_starts_nothing_and_tells_the_plan(appliance: Start) -> None:
    one = appliance(ECHO)
    done = one.run(*one.command_line("--dry-run"))
    assert done.returncode == 0, done.stderr
    assert "parrot" in done.stdout
    assert "echo" in done.stdout
    assert not (one.home / "state").exists()
    assert one.processes() == []


def test_dry_run_tells_what_finds_no_room(appliance: Start) -> None:
    one = appliance(ECHO, "models.parrot.memory=900GiB")
    done = one.run(*one.command_line("--dry-run"))
    assert done.returncode == 1, done
    assert "no room" in done.stdout
    assert "900" in done.stdout


def test_a_supervisor_judges_no_model_by_its_own_machine(appliance: Start, tmp_path: Path) -> None:
    """What it lacks, machines that join may have: an accelerator, or a file."""
    text = f"""
models:
  big: {{engine: sglang, source: {{huggingface: a/b}}}}
  own: {{engine: llama.cpp, source: {{path: {tmp_path}/there/only.gguf}}}}
"""
    one = appliance(text, "cluster.role=supervisor")
    done = one.run(*one.command_line("--dry-run"))
    assert done.returncode == 0, done
    assert done.stdout.count("would wait") == 2
    assert one.run("xinfer-up", str(one.recipe), "--dry-run").returncode == 2


def test_print_shows_values_with_their_origins(appliance: Start) -> None:
    """Whatever this machine lacks to run them."""
    other = "+models.other={engine: command, command: 'no-such-program {port}'}"
    one = appliance(ECHO, "models.parrot.replicas=3", other)
    done = one.run(*one.command_line("--print"))
    assert done.returncode == 0, done.stderr
    assert re.search(r"replicas: 3\s+# .*command line", done.stdout), done.stdout
    assert re.search(r"engine: echo\s+# .*recipe.yaml:4", done.stdout), done.stdout
