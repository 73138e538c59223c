"""Calls of Xinference's client that start things anew. Here recipes, and the launcher, do that: a
server of xinfer answers every one with 404, which is raised as ClientError.
"""

from __future__ import annotations

from collections.abc import Mapping

from xinfer.client.call import Call, Json, path, same

Operation = Call[dict[str, Json]]


def reload_model(
    model_uid: str,
    model_config: Mapping[str, Json],
    drain_timeout: float = 300,
    python_executable: str | None = None,
) -> Operation:
    """Exchange a model for one of other options; `drain_timeout` in seconds."""
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


def get_model_reload_status(model_uid: str) -> Operation:
    """The last reload."""
    return _read("v1", "models", model_uid, "reload")


def get_model_reload_config(model_uid: str) -> Operation:
    """The options that a reload may change."""
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


def _read(*parts: str) -> Operation:
    return Call(what="read the relaunch", method="GET", path=path(*parts), decode=same)


def _begin(
    parts: tuple[str, ...], python_executable: str | None, request_id: str | None
) -> Operation:
    return Call(
        what="relaunch",
        method="POST",
        path=path(*parts),
        body={"python_executable": python_executable, "request_id": request_id},
        decode=same,
    )
