"""Apply a recipe: its models become the desired ones of its origin, nobody else's are touched."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from xinfer.domain.model import ModelSpec, Origin
from xinfer.domain.ports import DesiredStore
from xinfer.domain.state import Desired
from xinfer.errors import Conflict, Invalid

_ATTEMPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What an applied recipe changed, by uid. `revision` is that of the desired state after it."""

    revision: int
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]


class Recipes:
    """`changed()` tells this process that the store changed."""

    def __init__(
        self,
        desired: DesiredStore,
        changed: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._desired = desired
        self._changed = changed
        self._clock = clock

    def current(self) -> Desired:
        """What is desired now, of every origin."""
        return self._desired.desired()

    def apply(
        self, models: Sequence[ModelSpec], recipe: str, expected: int | None = None
    ) -> Changes:
        """Make `models` the desired ones of recipes; applying the same again writes nothing.

        Raises Conflict when `expected` is given and not the stored revision, or when a uid belongs
        to a model launched through the API.
        """
        specs = _by_uid(models)
        for _ in range(_ATTEMPTS):
            before = self._desired.desired()
            if expected is not None and before.revision != expected:
                raise Conflict(
                    f"The desired state is at revision {before.revision}, not {expected}.",
                    "Read it again, and apply on top of that.",
                )
            after, changes = _compare(before, specs, int(self._clock()))
            if after == before.models and before.recipe == recipe:
                return changes
            try:
                written = self._desired.write_desired(
                    after, expected=before.revision, recipe=recipe
                )
            except Conflict:
                if expected is not None:
                    raise
                continue
            self._changed()
            return replace(changes, revision=written.revision)
        raise Conflict("The desired state changes too often to apply a recipe.", "Try again.")


def _by_uid(models: Sequence[ModelSpec]) -> dict[str, ModelSpec]:
    specs = {spec.uid: replace(spec, origin=Origin.RECIPE) for spec in models}
    if len(specs) != len(models):
        raise Invalid("The recipe names a uid twice.", "Give every model a uid of its own.")
    return specs


def _compare(
    before: Desired, specs: dict[str, ModelSpec], now_s: int
) -> tuple[dict[str, ModelSpec], Changes]:
    """The desired models after applying, and what that changes."""
    foreign = {uid: spec for uid, spec in before.models.items() if spec.origin is not Origin.RECIPE}
    taken = sorted(set(foreign) & set(specs))
    if taken:
        raise Conflict(
            f"The uid '{taken[0]}' belongs to a model that was launched through the API.",
            f"Terminate it (xinfer terminate {taken[0]}), or choose another uid.",
        )
    own = {uid: spec for uid, spec in before.models.items() if uid not in foreign}
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
    return {**foreign, **kept}, changes
