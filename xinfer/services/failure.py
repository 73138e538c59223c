"""Why a model does not serve, as the error that its launch ends with."""

from __future__ import annotations

from xinfer.domain.replica import Cause
from xinfer.errors import LaunchFailed, NoCapacity
from xinfer.services.view import View

_SHOWN_LINES = 5


def launch_failure(view: View, uid: str) -> LaunchFailed | NoCapacity:
    """LaunchFailed with the cause of a replica that failed, else NoCapacity with the refusal."""
    cause = cause_of(view, uid)
    if cause is None:
        return NoCapacity(_shortage(view, uid), "Ask for less, or end another model.")
    last = "\n".join(cause.tail[-_SHOWN_LINES:])
    return LaunchFailed(
        f"Model '{uid}' failed while {cause.phase}: {cause.summary}",
        f"Its last words:\n{last}" if last else "It wrote nothing.",
        phase=str(cause.phase),
        cause=cause.summary,
        tail=cause.tail,
    )


def _shortage(view: View, uid: str) -> str:
    reason = view.assigned.refusals.get(uid) or view.routes()[uid].reason
    placed = sum(not one.is_refused for one in view.replicas(uid))
    if placed:
        wanted = view.spec(uid).replicas
        return f"Of {wanted} replicas of model '{uid}' only {placed} found room. {reason}"
    return f"Model '{uid}' can be placed nowhere. {reason}"


def cause_of(view: View, uid: str) -> Cause | None:
    """Why a replica of the model failed; one that rests comes before one that is tried again."""
    entries = sorted(view.replicas(uid), key=lambda one: not one.rests)
    return next((one.status.cause for one in entries if one.status and one.status.cause), None)
