"""What must hold before the first process starts; every refusal here leaves nothing behind."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from xinfer.domain.cluster import ClusterSettings
from xinfer.domain.home import Home
from xinfer.errors import Invalid, StoreFailed
from xinfer.launch.endpoint import check_port
from xinfer.launch.role_log import rotate


def prepare_home(home: Home, cluster_token: str = "") -> None:
    """Make the folders and the cluster token, readable by the owner only.

    The token is `cluster_token` if given, else the one that is there, else a random one.

    Raises StoreFailed when the home cannot be written (read-only, full, not ours).
    """
    try:
        for folder in (home.root, home.run, home.replicas, home.logs, home.database.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = home.run / "write.probe"
        probe.write_bytes(b"x" * 4096)
        probe.unlink()
        if cluster_token:
            write_secret(home.cluster_token, cluster_token)
        else:
            kept_secret(home.cluster_token, lambda: secrets.token_hex(32))
        rotate(home)
    except (FileExistsError, NotADirectoryError) as error:
        raise StoreFailed(
            f"The home folder {home.root} cannot be made: {error.filename} is no folder.",
            "Move that file away, or set XINFER_HOME to another folder.",
        ) from error
    except OSError as error:
        raise StoreFailed(
            f"The home folder {home.root} cannot be written: {error.strerror or error}.",
            "Free space or fix its permissions, or set XINFER_HOME to another folder.",
        ) from error


def check_listen(settings: ClusterSettings) -> None:
    """Raises Invalid with the key when the supervisor's address cannot be bound."""
    problem = check_port(settings)
    if problem is None:
        return
    host, port = settings.host, settings.port
    reason = problem.strerror or str(problem)
    if problem.errno == errno.EADDRINUSE:
        holder = _listener(port)
        who = f" It is held by {holder}." if holder else ""
        key, what = "cluster.port", f"cannot listen on {host}:{port}: {reason}.{who}"
        other = _another(port)
        hint = (
            f"Stop what listens there, or choose another: cluster.port={other} "
            f"(xinfer-local -p {other})."
        )
    elif problem.errno in (errno.EACCES, errno.EPERM):
        key, what = "cluster.port", f"this user may not listen on {host}:{port}: {reason}."
        hint = "Choose one from 1024 on, such as cluster.port=9997."
    else:
        key, what = "cluster.host", f"cannot listen on {host}: {reason}."
        hint = "Give an address of this machine: 127.0.0.1, or 0.0.0.0 for all that it has."
    raise Invalid(f"{key}: {what}", hint, key=key)


def _another(port: int) -> int:
    return port + 1 if port < 65535 else 9997


def write_secret(path: Path, text: str) -> None:
    """Write `text` to a file that is the owner's alone from its first moment, and never half."""
    beside = path.with_name(f".{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        # It may have been there, and not as it was made here.
        os.fchmod(descriptor, 0o600)
        file.write(text)
    beside.replace(path)


def kept_secret(path: Path, make: Callable[[], str]) -> str:
    """The secret in a file of the home; a new one at the first start, and where nothing is in it:
    what is signed with nothing, anybody can sign.
    """
    found = path.read_text(encoding="utf-8").strip() if path.exists() else ""
    if not found:
        found = make()
        write_secret(path, found)
    elif path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return found


def _listener(port: int) -> str:
    """`name (pid N)` of the process that listens on a TCP port, where the system tells."""
    import psutil

    try:
        sockets = psutil.net_connections(kind="tcp")
        for entry in sockets:
            if entry.status != psutil.CONN_LISTEN or not entry.pid or not entry.laddr:
                continue
            if entry.laddr.port == port:
                return f"{psutil.Process(entry.pid).name()} (pid {entry.pid})"
    except psutil.Error:
        return ""
    return ""
