"""Calls about models: launched, watched, changed and ended.

Parameter names and defaults are those of the Xinference client, so that its users keep their code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from xinfer.client.call import Call, Json, StreamCall, given, nothing, path, query, same

if TYPE_CHECKING:
    from xinfer.client.results.models import (
        AbortReply,
        Instance,
        LaunchProgress,
        ModelDescription,
        ModelEvent,
        ReplicaTimeline,
    )


def list_models() -> Call[dict[str, ModelDescription]]:
    """All models by uid: what each is, and its `state`, `reason` and counts of replicas."""
    return Call(
        what="list models",
        method="GET",
        path="/v1/models",
        decode=lambda document: {item["id"]: item for item in document["data"]},
    )


def describe_model(model_uid: str) -> Call[ModelDescription]:
    """The description of one model. Raises ClientError 400 when the uid is not known."""
    return Call(
        what="describe the model", method="GET", path=path("v1", "models", model_uid), decode=same
    )


def launch_model(
    model_name: str,
    model_type: str = "LLM",
    model_engine: str | None = None,
    model_uid: str | None = None,
    model_size_in_billions: int | str | float | None = None,
    model_format: str | None = None,
    quantization: str | None = None,
    replica: int = 1,
    n_worker: int = 1,
    n_gpu: int | str | None = "auto",
    peft_model_config: Mapping[str, Json] | None = None,
    request_limits: int | None = None,
    worker_ip: str | None = None,
    gpu_idx: int | Sequence[int] | None = None,
    replica_config: Sequence[Mapping[str, Json]] | None = None,
    model_path: str | None = None,
    enable_thinking: bool | None = None,
    enable_virtual_env: bool | None = None,
    virtual_env_packages: Sequence[str] | None = None,
    envs: Mapping[str, str] | None = None,
    virtual_env_find_links: Sequence[str] | None = None,
    *,
    wait_ready: bool = True,
    **kwargs: Json,
) -> Call[str]:
    """Launch a model and return its uid.

    `n_gpu` None means CPU only. `wait_ready` False returns as soon as the launch is accepted;
    otherwise the call takes as long as the launch does. `kwargs` go to the engine as options;
    `source` and `memory` among them are xinfer's own. Raises ClientError 400 for an input that
    cannot be, 503 when no machine can take it or the launch failed, with the cause as its detail.
    """
    return _launch(dict(locals()), wait_ready)


def terminate_model(model_uid: str) -> Call[None]:
    """Stop a model and forget it. Raises ClientError 400 when the uid is not known."""
    return Call(
        what="terminate the model",
        method="DELETE",
        path=path("v1", "models", model_uid),
        decode=nothing,
    )


def cancel_launch_model(model_uid: str) -> Call[None]:
    """Withdraw a launch: who waits for it gets 499.

    Raises ClientError 400 when the uid is not known, 409 when it is ready.
    """
    return Call(
        what="cancel the launch",
        method="POST",
        path=path("v1", "models", model_uid, "cancel"),
        decode=nothing,
    )


def get_instance_info(model_name: str, model_uid: str) -> Call[list[Instance]]:
    """What runs of a model: `status`, `replica_statuses`, `instance_created_ts` (unix s).

    Of a uid where one is given, else of a name; "" means any. An unknown one has nothing.
    """
    return Call(
        what="get instance info",
        method="GET",
        path="/v1/models/instances",
        query=query(model_name=model_name or None, model_uid=model_uid or None),
        decode=same,
    )


def abort_request(model_uid: str, request_id: str, block_duration: int = 30) -> Call[AbortReply]:
    """End a running request by the `request_id` of its body: `msg` is DONE, NOT_FOUND or NO_OP.

    For `block_duration` seconds a request with that id is refused.
    """
    return Call(
        what="abort the request",
        method="POST",
        path=path("v1", "models", model_uid, "requests", request_id, "abort"),
        body={"block_duration": block_duration},
        decode=same,
    )


def get_launch_model_progress(model_uid: str) -> Call[LaunchProgress]:
    """How far a launch is: `progress` 0..1, `stage`, and the same by replica.

    A uid that is not known is at 0, pending.
    """
    return _of_model("get the launch progress", model_uid, "progress")


def get_events(model_uid: str) -> Call[list[ModelEvent]]:
    """What happened to a model, oldest first, in unix seconds; nothing to one not known."""
    return _of_model("get events", model_uid, "events")


def get_timeline(model_uid: str) -> Call[list[ReplicaTimeline]]:
    """By replica, the launch phases with start (unix s) and length (s), and the cause of an end.

    A uid that is not known has no replicas.
    """
    return _of_model("get the timeline", model_uid, "timeline")


def get_logs(
    model_uid: str, tail: int | None = None, follow: bool = False, replica: int | None = None
) -> StreamCall[str]:
    """The engine's own output, line by line.

    `tail` is how many of the last lines to begin with; `follow` keeps the stream open for new ones
    until it is closed; `replica` is the index of one replica. Raises ClientError 404 for an unknown
    uid, 503 for a replica that there is not yet, or whose node does not answer.
    """
    return StreamCall(
        what="read the log",
        method="GET",
        path=path("v1", "models", model_uid, "logs"),
        query=query(tail=tail, follow=1 if follow else None, replica=replica),
        silence_s=None,
        decode=lambda line: line,
    )


def _of_model(what: str, model_uid: str, part: str) -> Call[Json]:
    return Call(what=what, method="GET", path=path("v1", "models", model_uid, part), decode=same)


def _launch(asked: dict[str, Json], wait_ready: bool) -> Call[str]:
    """`asked` are the parameters of `launch_model`: each is the field of its name in the body."""
    options = asked.pop("kwargs")
    asked.pop("wait_ready")
    size = asked.pop("model_size_in_billions")
    body = given(**asked, model_size_in_billions=_size(size)) | {"n_gpu": asked["n_gpu"]}
    return Call(
        what="launch the model",
        method="POST",
        path="/v1/models",
        query={} if wait_ready else query(wait_ready=False),
        body=body | options,
        decode=lambda document: str(document["model_uid"]),
        silence_s=None,
    )


def _size(size: int | str | float | None) -> int | str | None:
    """The wire form of a size in billions: whole numbers as int, others as text."""
    if isinstance(size, float):
        return int(size) if size.is_integer() else str(size)
    return size
