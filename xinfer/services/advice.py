"""Why one more replica finds no room, and what of the same model would: for whoever is refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from xinfer.domain.fleet import Policy
from xinfer.domain.model import ModelSpec
from xinfer.domain.plan import plan
from xinfer.domain.refusal import Reason
from xinfer.domain.state import Assigned, Desired, Observed
from xinfer.services.estimates import Estimates, weighed
from xinfer.services.families import Families
from xinfer.services.fit import Fit


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """What was said to a refusal."""

    spec: ModelSpec
    reason: Reason
    words: str


class Advice:
    """Judges by the plan that would follow. `clock` gives unix seconds."""

    def __init__(
        self,
        families: Families,
        fit: Fit,
        *,
        node_grace_s: float = Policy().node_grace_s,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._families = families
        self._fit = fit
        self._weighed = Estimates(families, fit)
        self._node_grace_s = node_grace_s
        self._clock = clock
        self._given: dict[str, _Given] = {}

    def __call__(self, desired: Desired, assigned: Assigned, observed: Observed) -> Assigned:
        """`assigned` with refusals that say what would fit, too."""
        self._given = {uid: kept for uid, kept in self._given.items() if uid in assigned.refusals}
        refusals = {}
        for uid, refusal in assigned.refusals.items():
            spec, reason = desired.models[uid], assigned.reasons[uid]
            kept = self._given.get(uid)
            if kept is None or kept.spec != spec or not reason.resembles(kept.reason):
                words = self.instead(spec, desired, assigned, observed)
                self._given[uid] = kept = _Given(spec=spec, reason=reason, words=words)
            refusals[uid] = f"{refusal} {kept.words}".rstrip()
        return replace(assigned, refusals=refusals)

    def refusal(
        self, spec: ModelSpec, desired: Desired, assigned: Assigned, observed: Observed
    ) -> str:
        """What a plan with this model in it says that it lacks; empty when there is room, or when
        not all nodes have spoken.
        """
        now_s = self._clock()
        # Silent nodes are taken for awaited ones: whether they are lost is the planner's business.
        policy = Policy(node_grace_s=self._node_grace_s, listening_since_s=now_s)
        models = {**desired.models, spec.uid: spec}
        weighed = self._weighed(replace(desired, models=models), observed)
        return plan(weighed, assigned, observed, now_s, policy).refusals.get(spec.uid, "")

    def instead(
        self, spec: ModelSpec, desired: Desired, assigned: Assigned, observed: Observed
    ) -> str:
        """What of the same model, or of its family, would fit; empty when nothing is known."""
        return self._fit.alternatives(
            spec,
            self._families.of(spec) if spec.family is not None else None,
            [state.report.machine for state in observed.nodes.values()],
            lambda other: not self.refusal(other, desired, assigned, observed),
            self._families.needs(spec) or next(iter(weighed(spec, observed).values()), None),
        )
