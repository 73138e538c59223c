"""Which Python interpreter an engine runs in: this one, another one, or one built for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from xinfer.domain.ports import Engines
from xinfer.engines.installer import GET_UV, NO_UV
from xinfer.engines.interpreter import Interpreters, program
from xinfer.engines.managed import Managed
from xinfer.engines.requirement import CPU, Requirements
from xinfer.errors import LaunchFailed

CURRENT = "current"
MANAGED = "managed"


class EngineEnvironments:
    """`accelerators` are the kinds that this machine has, such as "cuda". `ready` has environments
    that came with the machine, each called like its engine.
    """

    def __init__(
        self,
        engines: Engines,
        managed: Managed,
        requirements: Requirements,
        accelerators: Sequence[str] = (),
        ready: Path | None = None,
    ) -> None:
        self._engines = engines
        self._managed = managed
        self._requirements = requirements
        self._accelerators = accelerators
        self._ready = ready
        self._interpreters = Interpreters()

    def interpreter(
        self, engine: str, env: str, accelerator: str, progress: Callable[[float, str], None]
    ) -> str:
        """The interpreter for `env`: "current", "managed" (built when it is not there), or a path.

        "current" is also an environment that was built, or came with the machine, where this
        interpreter lacks the engine.
        Raises LaunchFailed with phase "environment" and why the engine cannot run there; what
        `progress` raises ends a build.
        """
        module = self._engines.get(engine).traits.module
        requirement = self._requirements.choose(engine, (accelerator, CPU))
        if env == MANAGED and module:
            if requirement is None:
                raise _refused(_no_list(engine, accelerator), _OTHERWISE.format(engine))
            return self._managed.python(requirement, progress)
        python = _path(env)
        lacking = self._lacking(python, module)
        if not lacking:
            return python
        if env == CURRENT and requirement and self._managed.state(requirement).state != "missing":
            return self._managed.python(requirement, progress)
        if env == CURRENT and (ready := self._came(engine)):
            python, lacking = ready, self._lacking(ready, module)
            if not lacking:
                return python
        what = f"engine '{engine}' is not installed in {python}: {lacking}"
        raise _refused(what, self._remedy(engine, env))

    def missing(self, env_by_engine: Mapping[str, str]) -> Mapping[str, str]:
        """Why engines could not be started as things are, by engine; looks at no more than times
        of files once it has seen an interpreter.
        """
        found = {engine: self._why_not(engine, env) for engine, env in env_by_engine.items()}
        return {engine: why for engine, why in found.items() if why}

    def _why_not(self, engine: str, env: str) -> str:
        module = self._engines.get(engine).traits.module
        if env != MANAGED or not module:
            lacking = self._lacking(_path(env), module)
            return self._unless_built(engine, lacking) if lacking and env == CURRENT else lacking
        requirement = self._requirements.choose(engine, (*self._accelerators, CPU))
        if requirement is None:
            return _no_list(engine, CPU)
        state = self._managed.state(requirement)
        if state.state == "broken":
            return state.detail
        if state.state == "missing" and not self._managed.can_build:
            return f"{NO_UV}. {GET_UV}"
        return ""

    def _unless_built(self, engine: str, lacking: str) -> str:
        """Why an engine that this interpreter lacks cannot run; empty if another one has it."""
        requirement = self._requirements.choose(engine, (*self._accelerators, CPU))
        state = self._managed.state(requirement) if requirement else None
        if state is None or state.state == "missing":
            ready = self._came(engine)
            return (
                self._lacking(ready, self._engines.get(engine).traits.module) if ready else lacking
            )
        return state.detail if state.state == "broken" else ""

    def _came(self, engine: str) -> str:
        """The interpreter of the engine's environment that came with the machine; or empty."""
        folder = self._ready / engine if self._ready else None
        return str(program(folder)) if folder and folder.is_dir() else ""

    def _lacking(self, python: str, module: str) -> str:
        if module:
            return self._interpreters.lacking(python, module)
        return "" if python == sys.executable else self._interpreters.lacking(python, "sys")

    def _remedy(self, engine: str, env: str) -> str:
        if self._requirements.choose(engine, (*self._accelerators, CPU)) is None:
            return f"Install it there, or name another interpreter in engine.{engine}.env."
        setting = "" if env == CURRENT else f" and set engine.{engine}.env: managed"
        return f"Run `xinfer env create {engine}`{setting}, or install it there."


_OTHERWISE = "Set engine.{}.env to the interpreter of an environment that has it."


def _path(env: str) -> str:
    return sys.executable if env in (CURRENT, MANAGED) else str(program(Path(env).expanduser()))


def _no_list(engine: str, accelerator: str) -> str:
    where = "" if accelerator == CPU else f" or {accelerator}"
    return f"there is no list of packages of engine '{engine}' for {CPU}{where}"


def _refused(what: str, hint: str) -> LaunchFailed:
    return LaunchFailed(f"{what[0].upper()}{what[1:]}.", hint, phase="environment", cause=what)
