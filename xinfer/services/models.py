"""Launch, describe and end models, by changing what is desired."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from xinfer.domain.model import ModelSpec
from xinfer.domain.names import check_uid
from xinfer.domain.node import Machine
from xinfer.domain.options import check_options
from xinfer.domain.ports import DesiredStore, Engines
from xinfer.domain.replica import Cause, Phase
from xinfer.domain.routing import RouteState
from xinfer.errors import Conflict, Invalid, LaunchFailed, NoCapacity, NotReady
from xinfer.services.view import States, View

_ATTEMPTS = 20

Wait = Callable[[int, float], bool]
"""`wait(stamp, timeout_s)`: until the store's stamp differs; False on timeout."""


class Models:
    """`stamp()` and `wait` let a caller sleep until the store changes; `changed()` tells this
    process that it did.
    """

    def __init__(
        self,
        states: States,
        engines: Engines,
        *,
        stamp: Callable[[], int],
        wait: Wait,
        changed: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._states = states
        self._engines = engines
        self._stamp = stamp
        self._wait = wait
        self._changed = changed
        self._clock = clock

    def launch(self, spec: ModelSpec) -> ModelSpec:
        """Declare one more model; returns it as stored.

        Raises Conflict when the uid is taken, Invalid for what the engine cannot do.
        """
        checked = replace(self._checked(spec), created_s=int(self._clock()))

        def add(models: Mapping[str, ModelSpec]) -> dict[str, ModelSpec]:
            if checked.uid in models:
                raise Conflict(
                    f"The uid '{checked.uid}' is taken by a model that is declared already.",
                    "Choose another uid, or terminate that model first.",
                )
            return {**models, checked.uid: checked}

        edit(self._states.desired, add)
        self._changed()
        return checked

    def terminate(self, uid: str) -> None:
        """Forget a model; its replicas drain and end. Raises NotFound."""

        def drop(models: Mapping[str, ModelSpec]) -> dict[str, ModelSpec]:
            self._states.view().spec(uid)
            return {name: spec for name, spec in models.items() if name != uid}

        edit(self._states.desired, drop)
        self._changed()

    def scale(self, uid: str, replicas: int) -> None:
        """Set how many replicas a model has. Raises NotFound, Invalid."""
        if replicas < 0:
            raise Invalid(f"A model cannot have {replicas} replicas.", "Give 0 or more.")

        def set_count(models: Mapping[str, ModelSpec]) -> dict[str, ModelSpec]:
            spec = self._states.view().spec(uid)
            return {**models, uid: replace(spec, replicas=replicas)}

        edit(self._states.desired, set_count)
        self._changed()

    def view(self) -> View:
        """Everything, read now."""
        return self._states.view()

    def await_ready(self, uid: str, timeout_s: float) -> None:
        """Until a replica serves.

        Raises LaunchFailed with the cause, NoCapacity when it can be placed nowhere, NotFound when
        it was terminated meanwhile, NotReady after `timeout_s`.
        """
        deadline = self._clock() + timeout_s
        while True:
            stamp = self._stamp()
            view = self._states.view()
            view.spec(uid)
            route = view.routes()[uid]
            if route.state is RouteState.READY:
                return
            if route.state is RouteState.FAILED:
                raise failure(view, uid)
            left_s = deadline - self._clock()
            if left_s <= 0:
                raise NotReady(
                    f"Model '{uid}' was not ready after {timeout_s:.0f} s: {route.reason}.",
                    "It goes on launching.",
                )
            self._wait(stamp, left_s)

    def _checked(self, spec: ModelSpec) -> ModelSpec:
        check_uid(spec.uid)
        engine = self._engines.get(spec.engine)
        options = check_options(engine.name, engine.options, spec.options)
        if engine.traits.needs_source and spec.source is None:
            raise Invalid(
                f"Engine '{engine.name}' needs model files, and '{spec.uid}' names none.",
                "Give a source: a path, a package, or a hub's repository.",
            )
        checked = replace(spec, engine=engine.name, options=options)
        self._check_machines(checked)
        return checked

    def _check_machines(self, spec: ModelSpec) -> None:
        """Refuse what no known machine can run; an empty cluster may still get one that can."""
        engine = self._engines.get(spec.engine)
        machines: list[Machine] = [
            state.report.machine for state in self._states.observed.observed().nodes.values()
        ]
        verdicts = [engine.supports(spec, machine) for machine in machines]
        if verdicts and not any(verdict.ok for verdict in verdicts):
            raise Invalid(verdicts[0].reason, verdicts[0].hint)


def edit(
    store: DesiredStore, change: Callable[[Mapping[str, ModelSpec]], dict[str, ModelSpec]]
) -> None:
    """Read, change, compare and set; again when somebody else was quicker."""
    for _ in range(_ATTEMPTS):
        before = store.desired()
        models = change(before.models)
        try:
            store.write_desired(models, expected=before.revision)
        except Conflict:
            continue
        return
    raise Conflict("The desired state changes too often to be edited.", "Try again.")


def failure(view: View, uid: str) -> LaunchFailed | NoCapacity:
    """The error that says why a model does not serve."""
    cause = cause_of(view, uid)
    if cause is None:
        reason = view.routes()[uid].reason
        return NoCapacity(
            f"Model '{uid}' can be placed nowhere: {reason}",
            "Free resources, or ask for less.",
        )
    return LaunchFailed(
        f"Model '{uid}' failed while {cause.phase}: {cause.summary}",
        f"See `xinfer logs {uid}`.",
        phase=cause.phase,
        cause=cause.summary,
        tail=cause.tail,
    )


def cause_of(view: View, uid: str) -> Cause | None:
    """Why a replica of the model failed, if one has."""
    for replica in view.replicas(uid):
        status = replica.status
        if status is not None and status.phase is Phase.FAILED and status.cause is not None:
            return status.cause
    return None
