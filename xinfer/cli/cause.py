"""Why a replica ended, for people: the engine's own words first, then what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xinfer.cli.failure import Failure

_TAIL_LINES = 12


def evidence(cause: Mapping[str, Any]) -> tuple[str, ...]:
    """The engine's last exception and the end of its log, a line each."""
    exception = cause.get("exception")
    lines = [f"exception: {exception}"] if exception and exception != cause.get("summary") else []
    lines += [f"| {line}" for line in (cause.get("tail") or ())[-_TAIL_LINES:]]
    return tuple(lines)


def doing(cause: Mapping[str, Any]) -> str:
    """What the replica did when it failed, to follow "while"."""
    phase = str(cause.get("phase") or "starting")
    return "its environment was prepared" if phase == "environment" else phase


def advice(uid: str, cause: Mapping[str, Any]) -> str:
    """What to try next, and how to be rid of it: a failed model keeps its uid."""
    drop = f"To drop the model: `xinfer terminate {uid}`."
    if cause.get("out_of_memory"):
        return (
            "Ask for less memory: a smaller quantization, context or replica count; "
            f"`xinfer status` shows what is free. {drop}"
        )
    if cause.get("phase") == "downloading":
        return f"Check the source and the network; `xinfer events {uid}` shows the attempts. {drop}"
    if cause.get("phase") == "environment":
        return f"`xinfer env list` shows the environments of that machine. {drop}"
    if not any(cause.get(name) for name in ("exit_code", "signal", "tail")):
        return f"Mend what it says, and launch it again. {drop}"
    return f"The whole log: `xinfer logs {uid}`. {drop}"


def latest(replicas: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The cause of the replica that has one, if any."""
    return next((replica["cause"] for replica in replicas if replica.get("cause")), None)


def launch_failure(uid: str, reason: str | None, replicas: Sequence[Mapping[str, Any]]) -> Failure:
    """The failure of a launch; `reason` is the server's, used where no replica has a cause."""
    cause = latest(replicas)
    if cause is None:
        return Failure(
            f"'{uid}' could not be launched: {reason or 'the server gives no cause'}",
            f"`xinfer status` shows what is free, `xinfer terminate {uid}` drops the model.",
        )
    return Failure(
        f"'{uid}' failed while {doing(cause)}: {cause.get('summary')}",
        advice(uid, cause),
        evidence(cause),
    )
