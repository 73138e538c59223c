"""How many replicas a model has, and the end of a certain one."""

from __future__ import annotations

from dataclasses import replace

from xinfer.domain.model import ModelSpec
from xinfer.errors import Invalid
from xinfer.services.bounds import check_replicas
from xinfer.services.models import Models
from xinfer.services.view import ReplicaView, View

_PLAN_S = 5.0


class Replicas:
    """Changes of the count are edits of the spec; the planner does the rest."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def scale(self, uid: str, replicas: int) -> ModelSpec:
        """Set the count. Raises NotFound, Invalid."""
        check_replicas(replicas)
        view = self._models.view()
        return self._models.change(uid, lambda spec: _tidy(replace(spec, replicas=replicas), view))

    def add(self, uid: str, more: int) -> list[ReplicaView]:
        """Those that were placed because of `more`; fewer while no node can take them all yet.

        Raises NotFound, Invalid, NoCapacity when no node can take one more.
        """
        view = self._models.view()
        before = {one.assigned.replica_id for one in view.replicas(uid)}
        spec = view.spec(uid)
        check_replicas(spec.replicas + more)
        self._models.check_room(replace(spec, replicas=spec.replicas + more), view)
        self._models.change(
            uid, lambda spec: _tidy(replace(spec, replicas=spec.replicas + more), view)
        )

        def new(view: View) -> list[ReplicaView]:
            return [one for one in view.replicas(uid) if one.assigned.replica_id not in before]

        return new(self._models.until(lambda view: len(new(view)) >= more, _PLAN_S))[:more]

    def remove(self, uid: str, index: int) -> int:
        """End this very replica and want one less; returns how many are still wanted.

        Raises NotFound, and Invalid when the model has no such replica.
        """
        view = self._models.view()
        running = [one.assigned.index for one in view.replicas(uid)]

        def end(spec: ModelSpec) -> ModelSpec:
            left = [one for one in running if one not in spec.retired]
            if index not in left or not spec.replicas:
                raise Invalid(
                    f"Model '{uid}' has no replica {index}.",
                    f"It has: {', '.join(map(str, left))}." if left else "It has none now.",
                    key="replica_id",
                )
            fewer = replace(spec, replicas=spec.replicas - 1, retired=(*spec.retired, index))
            return _tidy(fewer, view)

        return self._models.change(uid, end).replicas


def _tidy(spec: ModelSpec, view: View) -> ModelSpec:
    """Without the retired indices that no replica has any more: they are free again."""
    running = {one.assigned.index for one in view.replicas(spec.uid)}
    return replace(spec, retired=tuple(index for index in spec.retired if index in running))
