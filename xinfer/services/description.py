"""A model as the public API describes it: the peer's fields, truly filled, and some of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xinfer.catalog import peer
from xinfer.domain.model import ModelKind, ModelSpec
from xinfer.domain.replica import Cause, Phase
from xinfer.domain.routing import as_told
from xinfer.domain.timeline import spans
from xinfer.services.view import ReplicaView, View

_STATUS = {
    Phase.QUEUED: "CREATING",
    Phase.READY: "READY",
    Phase.DRAINING: "TERMINATING",
    Phase.STOPPED: "TERMINATED",
    Phase.FAILED: "ERROR",
}
"""The peer's words for phases; every other phase is LOADING there."""

_BEGINS = {
    Phase.QUEUED: 0.0,
    Phase.DOWNLOADING: 0.05,
    Phase.ENVIRONMENT: 0.5,
    Phase.STARTING: 0.6,
    Phase.LOADING: 0.7,
    Phase.READY: 1.0,
}
"""How far a launch is when a phase begins; within a phase its own progress counts on."""

_STAGES = {
    Phase.QUEUED: "pending",
    Phase.DOWNLOADING: "downloading",
    Phase.ENVIRONMENT: "installing_dependencies",
    Phase.STARTING: "launching",
    Phase.LOADING: "loading",
    Phase.READY: "completed",
    Phase.DRAINING: "terminating",
    Phase.STOPPED: "cancelled",
    Phase.FAILED: "failed",
}
"""The peer's words for the stages of a launch, and ours where it has none."""


def describe(view: View, uid: str) -> dict[str, Any]:
    """One entry of `GET /v1/models`. Raises NotFound."""
    spec = view.spec(uid)
    route = as_told(view.routes()[uid], view.assigned)
    replicas = view.replicas(uid)
    return {
        "id": uid,
        "object": "model",
        "created": spec.created_s,
        "owned_by": "xinfer",
        **_peer_fields(spec, replicas),
        "replica": spec.replicas,
        "state": str(route.state),
        # That of the replicas that are missing, while others serve.
        "reason": route.reason or view.assigned.refusals.get(uid, ""),
        "replicas_ready": len(route.upstreams),
        "restarts": sum(each.status.restarts for each in replicas if each.status),
        "origin": str(spec.origin),
    }


def instance(view: View, uid: str) -> dict[str, Any]:
    """One entry of `GET /v1/models/instances`. Raises NotFound."""
    spec, replicas = view.spec(uid), view.replicas(uid)
    states = [_word(entry) for entry in replicas]
    order = ("ERROR", "TERMINATING", "LOADING", "CREATING", "READY")
    status = next((word for word in order if word in states), "CREATING")
    return {
        "model_name": spec.family or uid,
        "model_uid": uid,
        "model_version": None,
        "model_ability": _by_kind(spec)["model_ability"],
        "replica": spec.replicas,
        "status": status,
        "instance_created_ts": spec.created_s,
        "n_worker": len({entry.assigned.node for entry in replicas}) or 1,
        "replica_statuses": [replica(entry) for entry in replicas],
    }


def replica(entry: ReplicaView) -> dict[str, Any]:
    """One entry of `GET /v1/models/{uid}/replicas`."""
    status, phase = entry.status, _phase(entry)
    return {
        "replica_id": entry.assigned.index,
        "replica_model_uid": entry.assigned.replica_id,
        "node": entry.assigned.node,
        "worker_address": entry.node_address,
        "model_address": status.address if status else None,
        "accelerators": [str(index) for index in entry.assigned.devices],
        "gpu_idx": list(entry.assigned.devices),
        "status": _word(entry),
        "phase": str(phase),
        "unwell": _unwell(entry),
        "created_ts": int(status.timeline[0].at_s) if status and status.timeline else None,
        "restarts": status.restarts if status else 0,
        "failures": status.failures if status else 0,
        "memory_bytes": status.memory_bytes if status else None,
        "pid": status.engine_pid if status else None,
        "error_message": _complaint(entry),
    }


def _complaint(entry: ReplicaView) -> str | None:
    status, unwell = entry.status, _unwell(entry)
    if unwell or status is None:
        return unwell or None
    return status.no_room or (status.cause.summary if status.cause else None)


def _unwell(entry: ReplicaView) -> str:
    """Why it does not serve though it may say that it is ready."""
    if entry.lost:
        return f"its node '{entry.assigned.node}' is lost"
    return entry.status.unwell if entry.status else ""


def placed(entry: ReplicaView | None) -> dict[str, Any]:
    """The reply to a replica that was asked for; None = no node has taken it yet."""
    return {
        "replica_id": entry.assigned.index if entry else None,
        "replica_model_uid": entry.assigned.replica_id if entry else None,
        "worker_address": entry.node_address if entry else None,
    }


def timeline(entry: ReplicaView) -> dict[str, Any]:
    """One entry of `GET /v1/models/{uid}/timeline`."""
    status = entry.status
    return {
        "replica_id": entry.assigned.replica_id,
        "node": entry.assigned.node,
        "phases": [
            {"phase": str(span.phase), "started_s": span.started_s, "seconds": span.seconds}
            for span in spans(status.timeline if status else ())
        ],
        "cause": _cause(status.cause) if status and status.cause else None,
        "retry_at_s": status.retry_at_s if status else None,
    }


def progress(view: View, uid: str) -> dict[str, Any]:
    """`GET /v1/models/{uid}/progress`: `progress` 0..1 of the whole launch, the slowest counts.

    By replica, `progress` is the share of its present stage.
    """
    # Replicas of a terminated model stay assigned for a moment; they are no launch's.
    entries = view.replicas(uid) if uid in view.desired.models else ()
    slowest = min(entries, key=_share, default=None)
    files = [file for entry in entries for file in _files(entry)]
    return {
        "progress": round(_share(slowest), 4) if slowest else 0.0,
        "stage": _STAGES[_phase(slowest)] if slowest else "pending",
        # Replicas of one node wait for the same files.
        "download_files": list({file["name"]: file for file in files}.values()),
        "replicas": [_progress(entry) for entry in entries],
    }


def _progress(entry: ReplicaView) -> dict[str, Any]:
    status, phase = entry.status, _phase(entry)
    return {
        "replica_id": entry.assigned.index,
        "replica_model_uid": entry.assigned.replica_id,
        "progress": 1.0 if phase is Phase.READY else status.progress if status else 0.0,
        "stage": _STAGES[phase],
        "phase": str(phase),
        "info": status.detail if status else "",
        "updated_at": status.timeline[-1].at_s if status and status.timeline else None,
        "download_files": _files(entry),
    }


def _files(entry: ReplicaView) -> list[dict[str, Any]]:
    """The files that a replica waits for."""
    return [
        {"name": file.name, "done_bytes": file.done_bytes, "total_bytes": file.total_bytes}
        for file in (entry.status.files if entry.status else ())
    ]


def _phase(entry: ReplicaView) -> Phase:
    return entry.status.phase if entry.status else Phase.QUEUED


def _word(entry: ReplicaView) -> str:
    return "ERROR" if _unwell(entry) else _STATUS.get(_phase(entry), "LOADING")


def _share(entry: ReplicaView) -> float:
    """How much of the launch of a replica is behind it, 0..1."""
    begun = _BEGINS.get(_phase(entry), 0.0)
    following = min((value for value in _BEGINS.values() if value > begun), default=1.0)
    within = entry.status.progress if entry.status else 0.0
    return begun + within * (following - begun)


def _peer_fields(spec: ModelSpec, replicas: tuple[ReplicaView, ...]) -> dict[str, Any]:
    address = next((each.status.address for each in replicas if each.status), None)
    devices = sorted({str(index) for each in replicas for index in each.assigned.devices})
    common = {
        "model_type": str(spec.kind),
        "address": address,
        "accelerators": devices,
        "model_name": spec.family or spec.uid,
        "model_engine": spec.engine,
        "model_format": spec.format or _format(spec),
        "quantization": spec.quantization,
        "model_hub": str(spec.source.hub) if spec.source else None,
    }
    revision = spec.source.revision if spec.source else None
    name = "revision" if spec.kind is ModelKind.LLM else "model_revision"
    return {**common, name: revision, **_by_kind(spec)}


def _by_kind(spec: ModelSpec) -> Mapping[str, Any]:
    if spec.kind is ModelKind.EMBEDDING:
        return {"model_ability": ["embed"], "dimensions": None, "max_tokens": None, "language": []}
    if spec.kind is ModelKind.RERANK:
        return {"model_ability": ["rerank"], "type": "normal", "language": []}
    return {
        "model_ability": ["chat", "generate"],
        "model_lang": [],
        "model_description": None,
        "model_size_in_billions": peer.size(spec.size),
        "model_family": spec.family or spec.uid,
        "multimodal_projector": spec.options.get("mmproj"),
        "context_length": spec.options.get("n_ctx"),
    }


def _format(spec: ModelSpec) -> str | None:
    return "ggufv2" if spec.engine == "llama.cpp" else None


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "phase": str(cause.phase),
        "summary": cause.summary,
        "exit_code": cause.exit_code,
        "signal": cause.signal,
        "out_of_memory": cause.out_of_memory,
        "exception": cause.exception,
        "tail": list(cause.tail),
    }
