"""Calls that start things anew: a model with other options; and processes of the server, which
here the launcher does: those are answered with 404, which is raised as ClientError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from xinfer.client.call import Call, Json, path, same

if TYPE_CHECKING:
    from xinfer.client.results.replicas import ReloadConfig, ReloadOperation

Operation = Call[dict[str, Json]]
"""Without a shape: no server of ours answers one."""


def reload_model(
    model_uid: str,
    model_config: Mapping[str, Json],
    drain_timeout: float = 300,
    python_executable: str | None = None,
) -> Call[ReloadOperation]:
    """Change options of a model that runs, replica by replica, while it serves.

    `model_config` has options of its engine, None for one to take back. Returns at once with the
    operation, whose `stage` is loading, ready or error; `replicas_ready` counts the new ones.
    `drain_timeout` (seconds) is how long requests have to end on a replica that is replaced. Raises
    ClientError 400 for an unknown uid or option.
    """
    body = {"model_config": dict(model_config), "drain_timeout": drain_timeout}
    if python_executable is not None:
        body["python_executable"] = python_executable
    return Call(
        what="reload the model",
        method="POST",
        path=path("v1", "models", model_uid, "reload"),
        body=body,
        decode=same,
    )


def get_model_reload_status(model_uid: str) -> Call[ReloadOperation]:
    """The last reload, as `reload_model` returns it. Raises ClientError 400 for an unknown uid."""
    return _read("v1", "models", model_uid, "reload")


def get_model_reload_config(model_uid: str) -> Call[ReloadConfig]:
    """What a reload may change: `engine`, and `parameters` with `name`, `type` and `value`.

    Raises ClientError 400 for an unknown uid.
    """
    return _read("v1", "models", model_uid, "reload", "config")


def relaunch_api(python_executable: str | None = None, request_id: str | None = None) -> Operation:
    """Start the process of the API anew."""
    return _begin(("v1", "api", "relaunch"), python_executable, request_id)


def get_api_relaunch(operation_id: str) -> Operation:
    """One such operation."""
    return _read("v1", "api-relaunches", operation_id)


def list_api_relaunches() -> Operation:
    """All of them."""
    return _read("v1", "api-relaunches")


def relaunch_supervisor(
    python_executable: str | None = None, request_id: str | None = None
) -> Operation:
    """Start the supervisor anew."""
    return _begin(("v1", "supervisor", "relaunch"), python_executable, request_id)


def get_supervisor_relaunch(operation_id: str) -> Operation:
    """One such operation."""
    return _read("v1", "supervisor-relaunches", operation_id)


def list_supervisor_relaunches() -> Operation:
    """All of them."""
    return _read("v1", "supervisor-relaunches")


def relaunch_worker(
    worker_address: str, python_executable: str | None = None, request_id: str | None = None
) -> Operation:
    """Start a worker anew."""
    return _begin(("v1", "workers", worker_address, "relaunch"), python_executable, request_id)


def get_worker_relaunch(operation_id: str) -> Operation:
    """One such operation."""
    return _read("v1", "worker-relaunches", operation_id)


def list_worker_relaunches() -> Operation:
    """All of them."""
    return _read("v1", "worker-relaunches")


def _read(*parts: str) -> Call[Json]:
    return Call(what="read the relaunch", method="GET", path=path(*parts), decode=same)


def _begin(
    parts: tuple[str, ...], python_executable: str | None, request_id: str | None
) -> Call[Json]:
    return Call(
        what="relaunch",
        method="POST",
        path=path(*parts),
        body={"python_executable": python_executable, "request_id": request_id},
        decode=same,
    )
