"""The memory of models that were declared before any machine was known, as a recipe's often are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from xinfer.domain.model import Footprint, ModelSpec
from xinfer.domain.state import Desired, Observed
from xinfer.services.families import Families
from xinfer.services.fit import Fit

_Told = Mapping[str, Mapping[str, Footprint]]
"""By uid and node, what the files need."""

_Key = tuple[int, tuple[tuple[str, int, int], ...], _Told]


class Estimates:
    """Fills them in for a plan; what is stored stays as it was declared."""

    def __init__(self, families: Families, fit: Fit) -> None:
        self._families = families
        self._fit = fit
        self._kept: tuple[_Key, Mapping[str, int]] | None = None

    def __call__(self, desired: Desired, observed: Observed) -> Desired:
        """`desired` with what its models need, where that is not known yet and can be estimated.

        The same until the desired state, the nodes, their devices or what they read from the files
        change, so that a plan does not move with what is measured.
        """
        lacking = [spec for spec in desired.models.values() if spec.memory_bytes is None]
        machines = {name: state.report.machine for name, state in observed.nodes.items()}
        if not machines or not any(spec.source is not None for spec in lacking):
            return desired
        told = {spec.uid: weighed(spec, observed) for spec in lacking}
        key = (
            desired.revision,
            tuple(
                (name, machine.memory_total_bytes, len(machine.devices))
                for name, machine in sorted(machines.items())
            ),
            told,
        )
        if self._kept is None or self._kept[0] != key:
            needed = {
                spec.uid: self._needed(spec, told[spec.uid], observed)
                for spec in lacking
                if spec.source is not None
            }
            self._kept = (key, {uid: memory for uid, memory in needed.items() if memory})
        known = self._kept[1]
        filled = {spec.uid: known[spec.uid] for spec in lacking if spec.uid in known}
        models = {
            uid: replace(spec, memory_bytes=filled[uid]) if uid in filled else spec
            for uid, spec in desired.models.items()
        }
        return replace(desired, models=models)

    def _needed(
        self, spec: ModelSpec, told: Mapping[str, Footprint], observed: Observed
    ) -> int | None:
        """By the files that are seen from here, else by those that the nodes have."""
        model = self._families.needs(spec)
        if model is not None or not told:
            machines = [state.report.machine for state in observed.nodes.values()]
            return self._fit.needed(spec, model, machines)
        each = [
            self._fit.needed(spec, one, [observed.nodes[node].report.machine])
            for node, one in told.items()
        ]
        return max((needed for needed in each if needed is not None), default=None)


def weighed(spec: ModelSpec, observed: Observed) -> dict[str, Footprint]:
    """By node what the files of a model need, where replicas of it have read them."""
    digest = ""
    found = {}
    for name, state in observed.nodes.items():
        for status in state.report.replicas:
            if status.uid == spec.uid and status.weighed is not None:
                digest = digest or spec.digest()
                if status.digest == digest:
                    found[name] = status.weighed
    return found
