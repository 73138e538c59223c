"""The lean process that `xinfer-up` turns into: roles up, progress shown, everything ended.

It is a program of its own, executed over the one that read the recipe, so that Hydra and the rest
of the set-up do not stay in memory for the life of the installation.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import xinfer
from xinfer.domain.home import Home
from xinfer.errors import Invalid, XinferError
from xinfer.launch import record
from xinfer.launch.endpoint import Endpoint
from xinfer.launch.launcher import Launcher, Role, role_command
from xinfer.launch.progress import Progress, summary
from xinfer.launch.role_log import Rotation
from xinfer.launch.scratch import metrics_folder, remove_metrics


def main() -> int:
    """Run the launcher of one home until a signal; the process's exit status."""
    given = _arguments()
    logging.basicConfig(level=logging.INFO, format="xinfer: %(message)s", stream=sys.stderr)
    _title(f"xinfer: launcher {given.home}")
    home = Home(given.home)
    try:
        lock = record.hold(home)
    except XinferError as error:
        _complain(error)
        return 2
    endpoint = Endpoint(
        host=given.host,
        port=given.port,
        token_file=home.cluster_token,
        tls=given.tls,
        remote=bool(given.node),
    )
    with lock:
        record.write(
            home,
            record.LauncherRecord(
                recipe=given.name,
                pid=os.getpid(),
                endpoint=endpoint.url,
                version=xinfer.__version__,
            ),
        )
        try:
            return _supervise(home, endpoint, given)
        finally:
            record.clear(home)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="xinfer-up (launcher)")
    parser.add_argument("home", type=Path)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tls", action="store_true", help="the supervisor serves HTTPS")
    parser.add_argument("--roles", default="supervisor,worker")
    parser.add_argument("--node", default="", help="follow how this node joins, and no models")
    parser.add_argument("--name", default="")
    parser.add_argument("--recipe", type=Path)
    parser.add_argument("--report-fd", type=int)
    parser.add_argument("--terminal", action="store_true", help="a person reads the report")
    parser.add_argument("--drain-s", type=float, default=35.0)
    parser.add_argument("--started-s", type=float, default=time.time())
    return parser.parse_args()


def _supervise(home: Home, endpoint: Endpoint, given: argparse.Namespace) -> int:
    body = given.recipe.read_bytes() if given.recipe else None
    report = _Report(given.report_fd, before_person=given.terminal or sys.stdout.isatty())
    if given.node:
        show: _Show | _Joining = _Joining(given.node, endpoint, report)
    else:
        progress = Progress(
            endpoint,
            report.say,
            recipe=body,
            started_s=given.started_s,
            joins="worker" in given.roles.split(","),
        )
        show = _Show(progress, report, endpoint, given)
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(metrics_folder(home))}
    roles = [
        Role(
            name=name,
            argv=role_command(name, home.root),
            env=environment if name == "supervisor" else {},
        )
        for name in given.roles.split(",")
    ]
    rotation = Rotation(home)

    def tick() -> None:
        show.tick()
        rotation.look()

    launcher = Launcher(
        roles,
        finish=lambda timeout_s: _finish(home, timeout_s),
        on_tick=tick,
        drain_s=given.drain_s,
    )
    show.refuse = lambda: launcher.fail(2)
    status = launcher.run()
    report.close()
    _say("xinfer: stopped")
    return status


_JOIN_S = 0.5
ALL_READY = "\x06"
"""The last line to an `xinfer-up --detach`, when every model is ready."""


class _Report:
    """Where progress goes: the terminal, or the pipe to an `xinfer-up --detach` that waits.
    `before_person`: what is said is read, and kept nowhere.
    """

    def __init__(self, descriptor: int | None, *, before_person: bool) -> None:
        self._pipe = os.fdopen(descriptor, "w", encoding="utf-8") if descriptor else None
        self.before_person = before_person

    def say(self, line: str) -> None:
        if self._pipe is None:
            _say(line)
            return
        with suppress(OSError, ValueError):
            self._pipe.write(f"{line}\n")
            self._pipe.flush()

    def tell_how_to_end(self) -> None:
        """For what runs in the foreground; `xinfer-up --detach` has a line of its own."""
        if self._pipe is None:
            _say("Ctrl-C ends it")

    def close(self, *, settled: bool = False) -> None:
        """Tell the one who waits that there is no more to come, and whether all is well."""
        if self._pipe is not None and not self._pipe.closed:
            if settled:
                self.say(ALL_READY)
            with suppress(OSError):
                self._pipe.close()


class _Show:
    """Progress until settled, then silence; a refusal of the recipe ends the launcher."""

    def __init__(
        self, progress: Progress, report: _Report, endpoint: Endpoint, given: argparse.Namespace
    ) -> None:
        self._progress = progress
        self._report = report
        self._endpoint = endpoint
        self._started_s = given.started_s
        self._admin_key = Home(given.home).admin_key
        self._key_is_old = self._admin_key.exists()
        self._done = False
        self.refuse: Callable[[], None] = lambda: None

    def tick(self) -> None:
        if self._done:
            return
        try:
            self._progress.step()
            if self._progress.settled:
                for line in summary(self._endpoint, self._started_s, self._progress.failed):
                    self._report.say(line)
                self._tell_key()
                self._report.tell_how_to_end()
                self._report.close(settled=not self._progress.failed)
                self._done = True
        except Invalid as error:
            self._done = True
            _complain(error)
            self._report.say(f"failed: {error}")
            self._report.close(settled=False)
            self.refuse()
        except XinferError:
            self._done = False  # the supervisor is away for a moment: again at the next turn

    def _tell_key(self) -> None:
        """A new key is shown once, and to a person: what nobody reads may be a log."""
        if (
            not self._admin_key.exists()
            or not self._endpoint.call("GET", "/v1/cluster/auth")["auth"]
        ):
            return
        self._report.say(f"callers need a key: the admin key is in {self._admin_key}")
        if not self._key_is_old and self._report.before_person:
            key = self._admin_key.read_text(encoding="utf-8").strip()
            self._report.say(f"it is shown this once: {key}")


class _Joining:
    """For a machine with a worker alone: tells when the supervisor knows it, then is silent."""

    def __init__(self, node: str, endpoint: Endpoint, report: _Report) -> None:
        self._node = node
        self._endpoint = endpoint
        self._report = report
        self._next = 0.0
        self._done = False
        self.refuse: Callable[[], None] = lambda: None

    def tick(self) -> None:
        if self._done or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _JOIN_S
        try:
            nodes = self._endpoint.call("GET", "/v1/cluster/info?detailed=true")
        except XinferError:
            return
        if any(each.get("node") == self._node and each.get("alive", True) for each in nodes):
            self._report.say(f"node {self._node} has joined {self._endpoint.url}")
            self._report.tell_how_to_end()
            self._report.close(settled=True)
            self._done = True


def _finish(home: Home, timeout_s: float) -> None:
    """End the replicas, which outlive the roles on purpose."""
    from xinfer.worker import reaper

    _say("xinfer: stopping replicas")
    reaper.stop_all(home, timeout_s)
    remove_metrics(home)


def _say(line: str) -> None:
    # A closed terminal or pipe must not end what serves.
    with suppress(OSError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def _complain(error: XinferError) -> None:
    with suppress(OSError):
        sys.stderr.write(f"xinfer-up: {error}\n")


def _title(text: str) -> None:
    import setproctitle

    setproctitle.setproctitle(text)


if __name__ == "__main__":
    sys.exit(main())
