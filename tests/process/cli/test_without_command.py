"""`xinfer` alone: an overview, or a server where an option says so."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.process.appliance import Appliance, wait_until
from tests.process.cli.conftest import XINFER, Run


@pytest.mark.parametrize("level", [(), ("--log-level", "INFO")])
def test_a_port_alone_serves_and_names_the_command_for_it(
    tmp_path: Path, level: tuple[str, ...]
) -> None:
    one = Appliance(tmp_path, None)
    command = [XINFER, *level, "-H", "127.0.0.1", "-p", str(one.port)]
    with one.output.open("wb") as output:
        one.launcher = subprocess.Popen(
            command, env=one.environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        wait_until("it serves", lambda: one.request("GET", "/status")[0] == 200)
        said = "`xinfer-local` is the command"
        wait_until("the note", lambda: said in one.output.read_text())
        elsewhere = one.run("xinfer", "list", "-e", "http://127.0.0.1:1")
        assert f"The server of this home listens at {one.url}." in elsewhere.stderr
        assert one.interrupt(signal.SIGINT) == 0
    finally:
        one.destroy()


def test_what_belongs_to_a_server_is_refused_before_a_command(xinfer: Run) -> None:
    done = xinfer("-p", "1", "list")
    assert (done.returncode, "--endpoint" in done.stderr) == (2, True)
    bare = xinfer()
    assert (bare.returncode, "xinfer launch" in bare.stderr) == (2, True)
