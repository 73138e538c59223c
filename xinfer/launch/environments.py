"""The environments of engines on this machine, for the worker and for the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xinfer.config.settings import environment
from xinfer.domain.home import Home
from xinfer.domain.names import did_you_mean
from xinfer.domain.ports import Engines, Environments, EnvironmentState
from xinfer.engines.environment import EngineEnvironments
from xinfer.engines.installer import Installer, find_uv
from xinfer.engines.interpreter import imported
from xinfer.engines.managed import Managed, Progress, broken
from xinfer.engines.registry import Registry
from xinfer.engines.requirement import CPU, Requirement, Requirements
from xinfer.errors import Conflict, Invalid
from xinfer.worker.devices import Devices
from xinfer.worker.journal import Journal


def engine_environments(home: Home, engines: Engines) -> Environments:
    """Those that a worker starts engines in."""
    chosen = environment(os.environ)
    managed = _managed(home, engines, chosen.wheelhouse)
    return EngineEnvironments(
        engines, managed, Requirements(), _accelerators(), ready=chosen.engines
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """An environment after the engine was really imported, with the versions of its packages."""

    state: EnvironmentState
    versions: Mapping[str, str] = field(default_factory=dict)


class Workshop:
    """What a person does with environments. `wheelhouse` wins over XINFER_WHEELHOUSE."""

    def __init__(
        self,
        home: Home,
        *,
        wheelhouse: Path | None = None,
        engines: Engines | None = None,
        requirements: Requirements | None = None,
    ) -> None:
        self._home = home
        self._engines = engines or Registry()
        self._requirements = requirements or Requirements()
        chosen = wheelhouse or environment(os.environ).wheelhouse
        self._managed = _managed(home, self._engines, chosen)
        self._wanted = (*_accelerators(), CPU)

    def states(self, *, weigh: bool = True) -> tuple[EnvironmentState, ...]:
        """One for each engine as this machine would have it, and all others that are there."""
        lists = self._requirements.all()
        usual = {self._requirements.choose(each.engine, self._wanted) for each in lists}
        states = ((each in usual, self._managed.state(each, weigh=weigh)) for each in lists)
        return tuple(state for due, state in states if due or state.state != "missing")

    def create(
        self, engine: str, accelerator: str | None, progress: Progress, *, anew: bool = False
    ) -> EnvironmentState:
        """Build one that can be used, unless it is there.

        Raises Invalid when there is no list for it, Conflict when `anew` and replicas use it,
        LaunchFailed when it cannot be built or the engine cannot be imported there.
        """
        requirement = self._requirement(engine, accelerator)
        if anew:
            self._refuse_if_used(requirement, "Terminate these models first.")
        made = self._managed.create(requirement, progress, anew=anew)
        if made.state != "ready":
            raise broken(requirement, made.detail)
        return self._managed.state(requirement, weigh=True)

    def check(self, engine: str | None) -> tuple[Checked, ...]:
        """Import the engines of all environments that are there; those of `engine`, or else the
        one of this interpreter, when it is given.
        """
        name = self._engines.get(engine).name if engine else None
        there = [each for each in self._requirements.all() if name in (None, each.engine)]
        there = [each for each in there if self._managed.path(each).is_dir()]
        if name and not there:
            return (self._check_current(name),)
        return tuple(self._check(each) for each in there)

    def remove(self, engine: str, accelerator: str | None, *, force: bool = False) -> str:
        """Delete one; returns its folder.

        Raises NotFound when it is not there, Conflict when replicas use it and not `force`.
        """
        requirement = self._requirement(engine, accelerator)
        if not force:
            self._refuse_if_used(requirement, "Terminate these models first, or use --force.")
        self._managed.remove(requirement)
        return str(self._managed.path(requirement))

    def _check(self, requirement: Requirement) -> Checked:
        result = self._managed.check(requirement)
        return Checked(state=self._managed.state(requirement), versions=result.versions)

    def _check_current(self, engine: str) -> Checked:
        requirement = self._requirements.choose(engine, self._wanted)
        packages = requirement.packages() if requirement else ()
        module = self._engines.get(engine).traits.module or "sys"
        result = imported(sys.executable, module, packages)
        state = EnvironmentState(
            engine=engine,
            accelerator="",
            path=sys.executable,
            state="broken" if result.error else "ready",
            detail=result.error,
        )
        return Checked(state=state, versions=result.versions)

    def _requirement(self, engine: str, accelerator: str | None) -> Requirement:
        """Raises Invalid when there is no such engine, or no list of packages for it."""
        name = self._engines.get(engine).name
        wanted = (accelerator,) if accelerator else self._wanted
        found = self._requirements.choose(name, wanted)
        if found is not None:
            return found
        lists = self._requirements.all()
        kinds = [each.accelerator for each in lists if each.engine == name]
        if kinds:
            raise Invalid(
                f"Engine '{name}' has no environment for {' or '.join(wanted)}.",
                f"It has one for: {', '.join(kinds)}. Choose by --accelerator.",
            )
        raise Invalid(
            f"Engine '{name}' has no managed environment.",
            did_you_mean(engine, sorted({each.engine for each in lists})),
        )

    def _refuse_if_used(self, requirement: Requirement, hint: str) -> None:
        users = _users(self._home, self._managed.path(requirement))
        if users:
            raise Conflict(f"{requirement.name} is used by {', '.join(users)}.", hint)


def _users(home: Home, path: Path) -> tuple[str, ...]:
    """Replicas that run from below `path`."""
    return tuple(
        folder.replica_id
        for folder in Journal(home).folders()
        if (order := folder.order()) is not None
        and any(word.startswith(f"{path}{os.sep}") for word in order.argv)
        and folder.is_live()
    )


def _managed(home: Home, engines: Engines, wheelhouse: Path | None) -> Managed:
    installer = Installer(uv=find_uv(), environ=os.environ, wheelhouse=wheelhouse)
    return Managed(home.envs, installer, lambda engine: engines.get(engine).traits.module)


def _accelerators() -> Sequence[str]:
    """The kinds that this machine has."""
    return tuple({device.kind: None for device in Devices().machine().devices})
