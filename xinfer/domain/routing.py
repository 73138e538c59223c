"""Which model names answer, and through which replicas. Pure: state in, routes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from xinfer.domain.model import Limits, ModelKind, ModelSpec
from xinfer.domain.node import Reach
from xinfer.domain.replica import Cause, Phase, ReplicaStatus
from xinfer.domain.state import Assigned, Desired, Observed


class RouteState(StrEnum):
    """READY: at least one replica serves. LOADING: none yet. FAILED: none, and none is coming.
    STOPPED: none, and none is wanted.
    """

    READY = "ready"
    LOADING = "loading"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """A ready replica. `model_name` is what the engine calls the model (None = the uid).

    `guarded`: a connection begins with the replica's secret. `via`: the node over whose own
    connections it is reached (empty = it is connected to at its address; the same replica either
    way). `whole_by_stream`: whole replies are asked of it as streams.
    """

    replica_id: str
    host: str
    port: int
    model_name: str | None = None
    slots: int | None = None
    guarded: bool = False
    via: str = field(default="", compare=False)
    whole_by_stream: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """All that the gateway needs to serve one model name. `reason` says why it is not ready."""

    uid: str
    kind: ModelKind
    engine: str
    state: RouteState
    upstreams: tuple[Upstream, ...]
    limits: Limits
    created_s: int
    reason: str = ""


def routes(desired: Desired, assigned: Assigned, observed: Observed) -> dict[str, Route]:
    """One route per desired model.

    A replica is routed to when it is assigned, reported ready and well by the node it is assigned
    to, and runs any digest of the model (old ones serve during a rolling change). Whether its node
    was heard of lately does not matter here: a replica that does not answer is the relay's
    business, and a silent supervisor must not take working replicas out.
    """
    status = {
        (state.report.node, replica.replica_id): replica
        for state in observed.nodes.values()
        for replica in state.report.replicas
    }
    reverse = {
        name for name, state in observed.nodes.items() if state.report.reach is Reach.REVERSE
    }
    found: dict[str, list[ReplicaStatus]] = {uid: [] for uid in desired.models}
    via: dict[str, str] = {}
    for replica in assigned.replicas:
        seen = status.get((replica.node, replica.replica_id))
        spec = desired.models.get(replica.uid)
        if seen is not None and spec is not None and not seen.is_outdated(spec.attempt):
            found[replica.uid].append(seen)
            via[replica.replica_id] = replica.node if replica.node in reverse else ""
    return {uid: _route(spec, found[uid], via, assigned) for uid, spec in desired.models.items()}


def as_told(route: Route, assigned: Assigned) -> Route:
    """The route as people are to know it: what is on lost nodes does not count, though a request
    is still tried there.
    """
    where = {one.replica_id: one.node for one in assigned.replicas if one.node in assigned.lost}
    heard = tuple(one for one in route.upstreams if one.replica_id not in where)
    if route.state is not RouteState.READY or heard:
        return replace(route, upstreams=heard)
    refusal, waiting = assigned.refusals.get(route.uid), assigned.waiting.get(route.uid)
    node = where[route.upstreams[0].replica_id]
    return replace(
        route,
        upstreams=(),
        state=RouteState.FAILED if refusal else RouteState.LOADING,
        reason=refusal or waiting or f"its node '{node}' is lost",
    )


def _route(
    spec: ModelSpec, seen: list[ReplicaStatus], via: Mapping[str, str], assigned: Assigned
) -> Route:
    upstreams = tuple(
        _upstream(replica, via[replica.replica_id]) for replica in seen if _serves(replica)
    )
    state, reason = RouteState.READY, ""
    if not upstreams and not spec.replicas:
        state, reason = RouteState.STOPPED, "it has 0 replicas"
    elif not upstreams:
        refusal, waiting = assigned.refusals.get(spec.uid, ""), assigned.waiting.get(spec.uid, "")
        state, reason = _absence(seen, refusal, waiting)
    return Route(
        uid=spec.uid,
        kind=spec.kind,
        engine=spec.engine,
        state=state,
        upstreams=upstreams,
        limits=spec.limits,
        created_s=spec.created_s,
        reason=reason,
    )


def _absence(seen: list[ReplicaStatus], refusal: str, waiting: str) -> tuple[RouteState, str]:
    present, seen = seen, [replica for replica in seen if not replica.no_room]
    resting = [
        replica for replica in seen if replica.phase is Phase.FAILED and replica.retry_at_s is None
    ]
    if seen and len(resting) == len(seen):
        return RouteState.FAILED, _summary(resting[0].cause)
    if refusal and not seen:
        return RouteState.FAILED, refusal
    causes = [replica.cause for replica in seen if replica.phase is Phase.FAILED]
    if causes:
        return RouteState.LOADING, f"being restarted after: {_summary(causes[0])}"
    if waiting and not seen:
        return RouteState.LOADING, waiting
    unwell = [replica.unwell for replica in seen if replica.unwell]
    if unwell:
        return RouteState.LOADING, unwell[0]
    phases = sorted({replica.no_room or str(replica.phase) for replica in present}) or ["queued"]
    return RouteState.LOADING, ", ".join(phases)


def _summary(cause: Cause | None) -> str:
    return cause.summary if cause is not None else "the cause is not known"


def _serves(replica: ReplicaStatus) -> bool:
    return replica.phase is Phase.READY and replica.address is not None and not replica.unwell


def _upstream(replica: ReplicaStatus, via: str) -> Upstream:
    host, _, port = (replica.address or "").rpartition(":")
    return Upstream(
        replica_id=replica.replica_id,
        host=host,
        port=int(port),
        model_name=replica.served_model,
        slots=replica.slots,
        guarded=replica.guarded,
        via=via,
        whole_by_stream=replica.whole_by_stream,
    )


RouteTable = Mapping[str, Route]
