"""Launch, wait for and end models, by changing what is desired."""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from xinfer.domain.cluster import EngineSettings
from xinfer.domain.fleet import Policy
from xinfer.domain.model import ModelSpec
from xinfer.domain.names import did_you_mean
from xinfer.domain.ports import DesiredStore, Engines
from xinfer.domain.replica import Phase, ReplicaStatus
from xinfer.domain.routing import RouteState
from xinfer.errors import (
    Cancelled,
    Conflict,
    Invalid,
    LaunchFailed,
    NoCapacity,
    NotFound,
    NotReady,
)
from xinfer.services.advice import Advice
from xinfer.services.checks import Checks
from xinfer.services.failure import launch_failure
from xinfer.services.families import Families
from xinfer.services.fit import Fit
from xinfer.services.view import States, View

_ATTEMPTS = 20
_MARGIN_S = 60.0
_REMAINS_S = 10.0
_SUFFIX_LETTERS = string.ascii_lowercase + string.digits

Wait = Callable[[int, float], bool]
"""`wait(stamp, timeout_s)`: until the store's stamp differs; False on timeout, or when the process
ends."""

Edit = Callable[[Mapping[str, ModelSpec]], dict[str, ModelSpec]]


class Models:
    """`families` name the files of a model, `fit` says what memory it needs.

    `stamp()` and `wait` let a caller sleep until the store changes; `changed()` tells this
    process that it did. `settings` by engine are the defaults under every model's own options.
    """

    def __init__(
        self,
        states: States,
        engines: Engines,
        *,
        families: Families,
        fit: Fit,
        stamp: Callable[[], int],
        wait: Wait,
        changed: Callable[[], None],
        settings: Mapping[str, EngineSettings] | None = None,
        node_grace_s: float = Policy().node_grace_s,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._states = states
        self._checks = Checks(engines, settings or {})
        self._families = families
        self._fit = fit
        self._advice = Advice(families, fit, node_grace_s=node_grace_s, clock=clock)
        self._stamp = stamp
        self._wait = wait
        self._changed = changed
        self._node_grace_s = node_grace_s
        self._clock = clock

    def view(self) -> View:
        """Everything, read now."""
        return self._states.view()

    def notice(self) -> None:
        """See at once what other processes changed; costs microseconds when they did not."""
        self._changed()

    def check(self, spec: ModelSpec, hub: str | None = None) -> ModelSpec:
        """The spec as it can be stored, with its files and memory. Raises Invalid, NotFound."""
        return self._complete(spec, self.view(), hub)

    def resolved(self, spec: ModelSpec, hub: str | None = None) -> ModelSpec:
        """The spec with the files of its family named, if it has one. Raises Invalid."""
        try:
            return self._families.resolve(spec, hub=hub).spec
        except NotFound as error:
            hint = f"{error.hint} Or give model_path, or source with a hub.".lstrip()
            raise Invalid(error.message, hint, key="model_name") from None

    def _complete(self, spec: ModelSpec, view: View, hub: str | None = None) -> ModelSpec:
        checked = self._checks.spec(self.resolved(spec, hub), view.machines())
        needs = self._families.needs(checked)
        return replace(checked, memory_bytes=self._fit.needed(checked, needs, view.machines()))

    def launch(
        self, spec: ModelSpec, *, uid_is_given: bool = True, hub: str | None = None
    ) -> ModelSpec:
        """Declare one more model; returns it as stored. `hub` is where its family is fetched from.

        A uid that is not given but follows from the name gets a suffix when it is taken. A given
        one that was launched alike, and rests after failures, is tried again. Raises Invalid when
        another is taken, or for what the engine cannot do; NoCapacity when no node can
        take it as things are; NotReady when an earlier model of that uid does not end.
        """
        view = self._without_remains(spec.uid)
        checked = replace(self._complete(spec, view, hub), created_s=int(self._clock()))
        if uid_is_given and _is_again(view, checked):
            return self._try_again(checked)
        uid = _free_uid(view.desired.models, spec.uid, given=uid_is_given)
        checked = checked if uid == spec.uid else _renamed(checked, uid)
        self.check_room(checked, view)
        stored = checked

        def add(models: Mapping[str, ModelSpec]) -> dict[str, ModelSpec]:
            nonlocal stored
            uid = _free_uid(models, checked.uid, given=uid_is_given)
            stored = checked if uid == checked.uid else _renamed(checked, uid)
            return {**models, stored.uid: stored}

        self._edit(add)
        return stored

    def launch_and_wait(
        self, spec: ModelSpec, *, uid_is_given: bool = True, hub: str | None = None
    ) -> ModelSpec:
        """Like `launch`, and return when every replica serves.

        A launch that fails is withdrawn, so that the uid is free for the next try, unless it was
        declared before; raises LaunchFailed or NoCapacity with the cause. Raises NotReady when it
        takes longer than it may; it then goes on.
        """
        launched = self.launch(spec, uid_is_given=uid_is_given, hub=hub)
        try:
            self.await_ready(launched.uid, launched.launch_timeout_s + _MARGIN_S)
        except (LaunchFailed, NoCapacity):
            if not launched.attempt:
                self._edit(
                    lambda models: {uid: one for uid, one in models.items() if one != launched}
                )
            raise
        return launched

    def rests(self, uid: str) -> bool:
        """Whether a replica of it has failed and is not tried again by itself."""
        return any(one.rests for one in self.view().replicas(uid))

    def _try_again(self, spec: ModelSpec) -> ModelSpec:
        return self.change(
            spec.uid,
            lambda old: replace(
                spec, created_s=old.created_s, retired=old.retired, attempt=old.attempt + 1
            ),
        )

    def terminate(self, uid: str) -> None:
        """Forget a model; its replicas drain and end. Raises NotFound."""

        def drop(models: Mapping[str, ModelSpec]) -> dict[str, ModelSpec]:
            _existing(models, uid)
            return {name: spec for name, spec in models.items() if name != uid}

        self._edit(drop)

    def change(self, uid: str, how: Callable[[ModelSpec], ModelSpec]) -> ModelSpec:
        """Store the spec that `how` makes of the present one; it may raise to leave all as it is.

        Raises NotFound.
        """
        changed: list[ModelSpec] = []

        def apply(models: Mapping[str, ModelSpec]) -> dict[str, ModelSpec]:
            changed.append(how(_existing(models, uid)))
            return {**models, uid: changed[-1]}

        self._edit(apply)
        return changed[-1]

    def until(self, check: Callable[[View], bool], timeout_s: float) -> View:
        """The state once `check` holds, or as it is after `timeout_s`."""
        deadline = self._clock() + timeout_s
        while True:
            stamp, view = self._stamp(), self.view()
            left_s = deadline - self._clock()
            if check(view) or left_s <= 0 or not self._wait(stamp, left_s):
                return view

    def await_ready(self, uid: str, timeout_s: float) -> None:
        """Until every wanted replica serves.

        Raises LaunchFailed with the cause when one has failed for good, NoCapacity when it can be
        placed nowhere, Cancelled when it was terminated meanwhile, NotReady after `timeout_s`.
        """
        deadline = self._clock() + timeout_s
        waited = True
        while True:
            stamp, view = self._stamp(), self.view()
            if _has_arrived(view, uid):
                return
            left_s = deadline - self._clock()
            if left_s <= 0 or not waited:
                reason = view.routes()[uid].reason
                raise NotReady(
                    f"Model '{uid}' is not ready yet: {reason.rstrip('.')}.",
                    "It goes on launching.",
                )
            waited = self._wait(stamp, left_s)

    def _without_remains(self, uid: str) -> View:
        """The state once nothing is assigned for an earlier model of this uid, and no node reports
        a replica of it but one that ends.

        What is still assigned would be taken for replicas of the new model. So would what its node
        has not begun to end, and what failed or found no room, which it would not try again.
        """
        deadline = self._clock() + _REMAINS_S
        while True:
            stamp, view = self._stamp(), self.view()
            left = self._left(view, uid)
            if uid in view.desired.models or not (view.replicas(uid) or left):
                return view
            left_s = deadline - self._clock()
            if left_s <= 0 or not self._wait(stamp, left_s):
                if not view.replicas(uid) and all(_serves_on(status) for status in left):
                    # A node that does not answer must not keep others from serving.
                    return view
                raise NotReady(f"The replicas of an earlier '{uid}' have not ended yet.")

    def _left(self, view: View, uid: str) -> list[ReplicaStatus]:
        since_s = self._clock() - self._node_grace_s
        return [
            status
            for state in view.observed.nodes.values()
            for status in state.report.replicas
            if status.uid == uid
            and status.phase not in {Phase.DRAINING, Phase.STOPPED}
            and state.seen_at_s >= since_s
        ]

    def check_room(self, spec: ModelSpec, view: View) -> None:
        """Raises NoCapacity if all nodes have spoken and none can take a replica that it wants."""
        state = view.desired, view.assigned, view.observed
        refusal = self._advice.refusal(spec, *state)
        if refusal:
            raise NoCapacity(
                f"Model '{spec.uid}' can be placed nowhere. {refusal}",
                self._advice.instead(spec, *state) or "Ask for less, or end another model.",
            )

    def lack(self, uid: str) -> str:
        """Why a declared model finds no room as things are, and what would; empty when it does."""
        view = self.view()
        spec, state = view.spec(uid), (view.desired, view.assigned, view.observed)
        refusal = self._advice.refusal(spec, *state)
        return f"{refusal} {self._advice.instead(spec, *state)}".rstrip() if refusal else ""

    def _edit(self, change: Edit) -> None:
        edit(self._states.desired, change)
        self._changed()


def edit(store: DesiredStore, change: Edit) -> None:
    """Read, change, compare and set; again when somebody else was quicker.

    Writes nothing when `change` changes nothing.
    """
    for _ in range(_ATTEMPTS):
        before = store.desired()
        models = change(before.models)
        if models == before.models:
            return
        try:
            store.write_desired(models, expected=before.revision)
        except Conflict:
            continue
        return
    raise Conflict("The desired state changes too often to be edited.", "Try again.")


def _serves_on(status: ReplicaStatus) -> bool:
    return status.phase is not Phase.FAILED and not status.no_room


def _existing(models: Mapping[str, ModelSpec], uid: str) -> ModelSpec:
    if uid not in models:
        raise NotFound(f"There is no model '{uid}'.", did_you_mean(uid, models))
    return models[uid]


def _is_again(view: View, spec: ModelSpec) -> bool:
    """Whether this was launched before, and a replica of it has failed for good."""
    known = view.desired.models.get(spec.uid)
    if known is None or known.origin is not spec.origin or known.digest() != spec.digest():
        return False
    return any(one.rests for one in view.replicas(spec.uid))


def _free_uid(models: Mapping[str, ModelSpec], uid: str, *, given: bool) -> str:
    """Replicas have folders by uid, and some file systems do not tell upper from lower case."""
    taken = {name.casefold(): name for name in models}
    other = taken.get(uid.casefold())
    if other is None:
        return uid
    if given:
        how = "is taken" if other == uid else f"differs from '{other}' by case only"
        raise Invalid(
            f"The model uid '{uid}' {how}.",
            "Choose another model_uid, or terminate that model first.",
            key="model_uid",
        )
    return f"{uid}-{''.join(secrets.choice(_SUFFIX_LETTERS) for _ in range(8))}"


def _renamed(spec: ModelSpec, uid: str) -> ModelSpec:
    """Under another uid the name that was asked for must be kept as such."""
    return replace(spec, uid=uid, family=spec.family or spec.uid)


def _has_arrived(view: View, uid: str) -> bool:
    """Whether all wanted replicas serve; raises what makes waiting for them pointless."""
    spec = view.desired.models.get(uid)
    if spec is None:
        raise Cancelled(f"Model '{uid}' was terminated while its launch was waited for.")
    digest = spec.digest()
    current = [
        one for one in view.replicas(uid) if one.heeded and one.assigned.spec.digest() == digest
    ]
    serving = sum(one.is_ready for one in current)
    # Those that serve are all there will be: there is no room for the others.
    placed = sum(not one.is_refused for one in view.replicas(uid))
    is_curtailed = uid in view.assigned.refusals and serving == placed > 0
    is_failed = any(one.rests for one in current) or view.routes()[uid].state is RouteState.FAILED
    if is_failed or (is_curtailed and serving < spec.replicas):
        raise launch_failure(view, uid)
    return serving >= spec.replicas
