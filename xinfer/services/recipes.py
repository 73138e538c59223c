"""Apply a recipe: its models become the desired ones of its origin, nobody else's are touched."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from xinfer.domain.model import ModelSpec, Origin
from xinfer.domain.names import check_uid
from xinfer.domain.ports import DesiredStore
from xinfer.domain.state import Desired
from xinfer.errors import Conflict, Invalid

_ATTEMPTS = 20


def name_only(spec: ModelSpec) -> ModelSpec:
    """The least check: the uid must be usable as a name of folders and in paths."""
    check_uid(spec.uid)
    return spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What an applied recipe changed, by uid. `revision` is that of the desired state after it.

    `no_room` says of those that find none as things are what they lack, and what would fit: they
    wait for it.
    """

    revision: int
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]
    no_room: Mapping[str, str] = field(default_factory=dict)


class Recipes:
    """`changed()` tells this process that the store changed; `check` returns a spec as it can be
    stored, or raises Invalid; `lack` says of a declared uid why it finds no room, or nothing;
    `rests` whether a replica of it has failed and is not tried again by itself.
    """

    def __init__(
        self,
        desired: DesiredStore,
        changed: Callable[[], None],
        *,
        check: Callable[[ModelSpec], ModelSpec] = name_only,
        lack: Callable[[str], str] = lambda _uid: "",
        rests: Callable[[str], bool] = lambda _uid: False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._desired = desired
        self._changed = changed
        self._check = check
        self._lack = lack
        self._rests = rests
        self._clock = clock

    def current(self) -> Desired:
        """What is desired now, of every origin; its `drift()` is what was changed since."""
        return self._desired.desired()

    def apply(
        self, models: Sequence[ModelSpec], recipe: str, expected: int | None = None
    ) -> Changes:
        """Make `models` the desired ones of recipes; applying the same again changes nothing, but
        that what rests is tried again.

        Raises Invalid for a model that cannot be, Conflict when `expected` is given and not the
        stored revision, or when a uid belongs to a model launched through the API.
        """
        specs = _by_uid([self._check(spec) for spec in models])
        estimated = frozenset(spec.uid for spec in models if spec.memory_bytes is None)
        for _ in range(_ATTEMPTS):
            before = self._desired.desired()
            if expected is not None and before.revision != expected:
                raise Conflict(
                    f"The desired state is at revision {before.revision}, not {expected}.",
                    "Read it again, and apply on top of that.",
                )
            settled = self._tried(_settled(specs, before, estimated), before)
            after, changes = _compare(before, settled, int(self._clock()), recipe)
            if replace(after, revision=before.revision) == before:
                return self._judged(changes)
            try:
                written = self._desired.write_desired(
                    after.models, expected=before.revision, recipe=recipe, declared=after.declared
                )
            except Conflict:
                if expected is not None:
                    raise
                continue
            self._changed()
            return self._judged(replace(changes, revision=written.revision))
        raise Conflict("The desired state changes too often to apply a recipe.", "Try again.")

    def _tried(self, specs: Mapping[str, ModelSpec], before: Desired) -> dict[str, ModelSpec]:
        """With one attempt more where a replica rests that would be the same as before."""
        tried = dict(specs)
        for uid, spec in specs.items():
            known = before.models.get(uid)
            if known is not None:
                again = known.digest() == spec.digest() and self._rests(uid)
                tried[uid] = replace(spec, attempt=known.attempt + again)
        return tried

    def _judged(self, changes: Changes) -> Changes:
        """With what finds no room."""
        uids = (*changes.added, *changes.changed, *changes.unchanged)
        lacks = {uid: self._lack(uid) for uid in sorted(uids)}
        return replace(changes, no_room={uid: lack for uid, lack in lacks.items() if lack})


def _by_uid(models: Sequence[ModelSpec]) -> dict[str, ModelSpec]:
    specs = {spec.uid: replace(spec, origin=Origin.RECIPE) for spec in models}
    if len({uid.casefold() for uid in specs}) != len(models):
        raise Invalid(
            "The recipe names a uid twice, or two that differ by case only.",
            "Give every model a uid of its own.",
            key="models",
        )
    return specs


def _settled(
    specs: Mapping[str, ModelSpec], before: Desired, estimated: frozenset[str]
) -> dict[str, ModelSpec]:
    """The specs with the memory that is stored, where that alone would differ and is an estimate.

    Estimates get better with time; that must not make the same recipe a change.
    """
    return {
        uid: replace(spec, memory_bytes=known.memory_bytes)
        if uid in estimated
        and (known := before.models.get(uid)) is not None
        and known.digest() == spec.digest()
        else spec
        for uid, spec in specs.items()
    }


def _compare(
    before: Desired, specs: Mapping[str, ModelSpec], now_s: int, recipe: str
) -> tuple[Desired, Changes]:
    """The desired state after applying, and what that changes."""
    own = {uid: spec for uid, spec in before.models.items() if spec.origin is Origin.RECIPE}
    foreign = {uid: spec for uid, spec in before.models.items() if uid not in own}
    _check_taken(foreign, specs)
    kept = {
        uid: replace(spec, created_s=own[uid].created_s if uid in own else now_s)
        for uid, spec in specs.items()
    }
    changes = Changes(
        revision=before.revision,
        added=tuple(uid for uid in kept if uid not in own),
        changed=tuple(uid for uid in kept if uid in own and own[uid] != kept[uid]),
        removed=tuple(uid for uid in own if uid not in kept),
        unchanged=tuple(uid for uid in kept if uid in own and own[uid] == kept[uid]),
    )
    declared = {uid: replace(spec, attempt=0) for uid, spec in kept.items()}
    return Desired(models={**foreign, **kept}, recipe=recipe, declared=declared), changes


def _check_taken(foreign: Mapping[str, ModelSpec], specs: Mapping[str, ModelSpec]) -> None:
    mine = {uid.casefold() for uid in specs}
    taken = sorted(uid for uid in foreign if uid.casefold() in mine)
    if taken:
        raise Conflict(
            f"The uid '{taken[0]}' belongs to a model that was launched through the API.",
            f"Terminate it (xinfer terminate {taken[0]}), or choose another uid.",
        )
