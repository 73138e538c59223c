"""`xinfer-up`: from a recipe to a running installation, or to one clear refusal."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import click

import xinfer
from xinfer.config import explain
from xinfer.config.origin import OriginKind
from xinfer.config.settings import unused
from xinfer.errors import Invalid, XinferError
from xinfer.launch import settings_file
from xinfer.launch.declaration import Declaration, declare
from xinfer.launch.endpoint import Endpoint, reachable_host

_BAD_RECIPE = 2
_FAILED = 1
_INTERRUPTED = 130
_LEFTOVER_S = 15.0
_ENDING_S = 5.0
_LAST_LINES = 10
_UNASKED = (OriginKind.DEFAULT, OriginKind.CONF)
_SETTLE_S = 3600.0

_HELP = """\
Start an installation from RECIPE and keep it running until Ctrl-C.

RECIPE is a YAML file anywhere on disk; without one an empty local cluster starts. KEY=VALUE
overrides a value of the recipe, +KEY=VALUE adds one, ~KEY removes one.

\b
xinfer-up recipes/quickstart.yaml
xinfer-up my.yaml models.chat.replicas=2 cluster.port=9998
xinfer-up my.yaml +models.chat.engine_kwargs.n_ctx=8192 --dry-run
xinfer-up my.yaml --detach        (xinfer down ends it)

Run again while it runs, it applies the recipe to what is running. A bad recipe exits with 2 and
starts nothing.
"""


@click.command(help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("words", nargs=-1, metavar="[RECIPE] [KEY=VALUE]...")
@click.option(
    "--print", "show", is_flag=True, help="Show the recipe with the origin of each value."
)
@click.option("--dry-run", is_flag=True, help="Show what would start where, and start nothing.")
@click.option("--detach", "-d", is_flag=True, help="Return when all is ready; run on behind.")
@click.option("--log-level", help="debug, info, warning or error; as log.level=... does.")
@click.version_option(xinfer.__version__, "--version", "-v", message="%(version)s")
def command(
    words: tuple[str, ...], show: bool, dry_run: bool, detach: bool, log_level: str | None
) -> None:
    started_s = time.time()
    try:
        more = [f"log.level={log_level}"] if log_level else []
        # Shown on any machine, whether or not it could run what is asked for.
        given = declare([*words, *more], here=not show)
        if show:
            click.echo(given.text(), nl=False)
        elif dry_run:
            from xinfer.launch.dry_run import report

            text, fits = report(given)
            click.echo(text)
            sys.exit(0 if fits else _FAILED)
        else:
            sys.exit(_up(given, started_s, detach=detach))
    except XinferError as error:
        click.echo(f"xinfer-up: {error}", err=True)
        sys.exit(_BAD_RECIPE if isinstance(error, Invalid) else _FAILED)


def main(argv: Sequence[str] | None = None) -> None:
    """The console script; `argv` without the program's name."""
    command(args=list(argv) if argv is not None else None, prog_name="xinfer-up")


def _up(given: Declaration, started_s: float, *, detach: bool) -> int:
    from xinfer.launch import record

    home = given.home
    ignored = unused(os.environ)
    if ignored:
        click.echo(f"xinfer-up: not used here: {', '.join(ignored)}", err=True)
    running = record.living(home)
    if running is not None:
        return _apply(given, running.endpoint, started_s)
    if given.settings.cluster.role != "worker":
        _clear_the_port(given)
    given.write()
    if detach:
        return _detach(given, started_s)
    arguments = _launcher_arguments(given, started_s)
    # The recipe reader makes way for the launcher, which stays: same pid, a fifth of the memory.
    return os.execv(arguments[0], arguments)


def _apply(given: Declaration, running: str, started_s: float) -> int:
    """Give the recipe to the installation that runs already, and say what changed."""
    from xinfer.launch.progress import Progress, follow, summary

    endpoint = _endpoint(given)
    # Where nothing is asked for but that it runs, it does not matter where.
    port_is_asked = given.composed.origins.of("cluster.port").kind not in _UNASKED
    if not given.declares and not port_is_asked:
        click.echo(f"already running: {running}/v1")
        return 0
    if endpoint.url != running:
        raise Invalid(
            f"cluster.port: {given.home.root} is served at {running}, not at {endpoint.url}.",
            "Use that address, stop it with `xinfer down`, or set XINFER_HOME.",
            key="cluster.port",
        )
    if not given.declares or given.settings.cluster.role == "worker":
        click.echo(f"already running: {running}/v1")
        return 0
    for key in settings_file.changed(given.home, given.settings):
        click.echo(f"at the next start: {key.replace('engines.', 'engine.', 1)}")
    changes = endpoint.call("PUT", "/v1/recipe", given.desired())
    for verb in ("added", "changed", "removed", "unchanged"):
        if changes.get(verb):
            click.echo(f"{verb}: {', '.join(changes[verb])}")
    progress = Progress(endpoint, click.echo, started_s=started_s)
    try:
        follow(progress, _SETTLE_S)
    except KeyboardInterrupt:
        return _left()
    for line in summary(endpoint, started_s, progress.failed):
        click.echo(line)
    return _FAILED if progress.failed else 0


def _detach(given: Declaration, started_s: float) -> int:
    """Start the launcher behind; show what it shows until it closes the pipe, when all is settled.

    Ends with the launcher's words and a non-zero status if it ended instead.
    """
    from xinfer.launch.role_log import role_log
    from xinfer.launch.watch import ALL_READY

    read_end, write_end = os.pipe()
    path = role_log(given.home, "launcher")
    with path.open("ab") as log:
        before = log.tell()
        launcher = subprocess.Popen(
            [
                *(*_launcher_arguments(given, started_s), "--report-fd", str(write_end)),
                *(["--terminal"] if sys.stdout.isatty() else []),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(write_end,),
            start_new_session=True,
        )
    os.close(write_end)
    ready = False
    try:
        with os.fdopen(read_end, encoding="utf-8") as report:
            for line in report:
                if line.strip() == ALL_READY:
                    ready = True
                else:
                    click.echo(line, nl=False)
    except KeyboardInterrupt:
        return _left()
    if not ready and _ends(launcher):
        with path.open("rb") as log:
            log.seek(before)
            said = log.read().decode(errors="replace").splitlines()
        for line in said[-_LAST_LINES:]:
            click.echo(line, err=True)
        click.echo(f"the launcher ended; its log is {path}", err=True)
        return _FAILED
    click.echo(f"runs on as process {launcher.pid}; `xinfer down` ends it")
    return 0 if ready else _FAILED


def _left() -> int:
    """Tell who stops waiting what goes on; the exit status."""
    click.echo(
        "\nIt goes on without you. `xinfer status` shows it, `xinfer down` stops it.", err=True
    )
    return _INTERRUPTED


def _ends(launcher: subprocess.Popen[bytes]) -> bool:
    """Whether the launcher ends now: without a last word it may be about to."""
    try:
        launcher.wait(_ENDING_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def _clear_the_port(given: Declaration) -> None:
    """Raises Invalid if the port is taken; first waits for roles that a crash left to end."""
    from xinfer.launch import record
    from xinfer.launch.preflight import check_listen

    deadline = time.monotonic() + (_LEFTOVER_S if record.read(given.home) else 0.0)
    while True:
        try:
            with explain.placed(given.composed.origins):
                check_listen(given.settings.cluster)
            return
        except Invalid as error:
            if time.monotonic() > deadline or error.key != "cluster.port":
                raise
        time.sleep(0.1)


def _endpoint(given: Declaration) -> Endpoint:
    """The supervisor's: this machine's, or the one that its worker joins."""
    cluster = given.settings.cluster
    host, port = reachable_host(cluster.host), cluster.port
    tls, remote = bool(given.settings.gateway.tls_cert), cluster.role == "worker"
    if remote:
        url = urlsplit(cluster.supervisor)
        tls = url.scheme == "https"
        host, port = url.hostname or host, url.port or (443 if tls else port)
    return Endpoint(
        host=host, port=port, token_file=given.home.cluster_token, tls=tls, remote=remote
    )


def _launcher_arguments(given: Declaration, started_s: float) -> list[str]:
    endpoint = _endpoint(given)
    arguments = [
        *(sys.executable, "-m", "xinfer.launch.watch", str(given.home.root)),
        *("--host", endpoint.host, "--port", str(endpoint.port)),
        *(["--tls"] if endpoint.tls else []),
        *("--name", given.name, "--started-s", str(started_s)),
        *("--drain-s", str(given.settings.gateway.graceful_timeout_s + 5)),
    ]
    role = given.settings.cluster.role
    roles = ["supervisor", "worker"] if role == "both" else [role]
    if given.settings.cluster.reach == "reverse" and "worker" in roles:
        roles.append("ways")
    arguments += ["--roles", ",".join(roles)]
    if role == "worker":
        arguments += ["--node", given.settings.cluster.node]
    # The models are declared once, where the supervisor is.
    elif given.declares:
        arguments += ["--recipe", str(given.recipe_body)]
    return arguments
