"""The instructions of a Dockerfile carried out in order, each stage in a root of its own."""

from __future__ import annotations

import fnmatch
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.image.dockerfile import Instruction, fill, read
from scripts.image.root import Root, base, copy_of

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(slots=True, kw_only=True)
class Stage:
    """One stage, and in the end the image: a root and how to run in it."""

    root: Root
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": _PATH})
    arguments: dict[str, str] = field(default_factory=dict)
    user: str = "root"
    cwd: str = "/"
    command: Sequence[str] = ()
    health: Sequence[str] = ()
    signal: str = "SIGTERM"
    volumes: list[str] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)

    @property
    def values(self) -> dict[str, str]:
        return {**self.arguments, **self.environment}


class Build:
    """`context` is the folder that COPY reads; `given` are build arguments."""

    def __init__(
        self, context: Path, work: Path, given: Mapping[str, str], binds: Mapping[Path, Path]
    ) -> None:
        self._context = context
        self._work = work
        self._given = given
        self._binds = binds
        self._passed: Mapping[str, str] = {}
        self._stages: dict[str, Stage] = {}

    def pass_on(self, environment: Mapping[str, str]) -> None:
        """Let every RUN see these variables, which do not become part of the image."""
        self._passed = environment

    def run(self, dockerfile: Path) -> Stage:
        """The last stage. Raises RuntimeError when an instruction ends with an error."""
        stage: Stage | None = None
        for instruction in read(dockerfile):
            print(f"--- {dockerfile.name}:{instruction.line} {instruction.name}", flush=True)
            if instruction.name == "FROM":
                stage = self._begin(instruction)
            elif stage is None:
                raise RuntimeError(f"{dockerfile}:{instruction.line}: there is no FROM before it")
            else:
                getattr(self, f"_{instruction.name.lower()}")(stage, instruction)
        assert stage is not None
        return stage

    def _begin(self, instruction: Instruction) -> Stage:
        image, *rest = instruction.rest.split()
        name = rest[1] if len(rest) == 2 and rest[0].upper() == "AS" else str(len(self._stages))
        folder = self._work / f"stage-{name}"
        copy_of(base(image, self._work / "bases"), folder)
        shutil.copy("/etc/resolv.conf", folder / "etc" / "resolv.conf")
        self._stages[name] = Stage(root=Root(folder, self._binds))
        return self._stages[name]

    def _arg(self, stage: Stage, instruction: Instruction) -> None:
        for name, value in instruction.pairs(stage.values).items():
            stage.arguments[name] = self._given.get(name, value)

    def _env(self, stage: Stage, instruction: Instruction) -> None:
        stage.environment |= instruction.pairs(stage.values)

    def _run(self, stage: Stage, instruction: Instruction) -> None:
        argv = instruction.command()
        values = {**stage.values, **self._passed}
        status = stage.root.run(argv, values, user=stage.user, cwd=stage.cwd)
        if status != 0:
            raise RuntimeError(f"line {instruction.line}: {instruction.rest!r} ended with {status}")

    def _copy(self, stage: Stage, instruction: Instruction) -> None:
        *sources, target = shlex.split(fill(instruction.rest, stage.values))
        origin = instruction.flags.get("from")
        place = stage.root.place(target, stage.cwd)
        for source in sources:
            if origin is not None:
                copy_of(self._stages[origin].root.place(source), place)
            else:
                self._copy_context(source, place)

    def _copy_context(self, source: str, place: Path) -> None:
        ignored = [
            line.strip()
            for line in (self._context / ".dockerignore").read_text().splitlines()
            if line.strip()
        ]

        def skip(folder: str, names: list[str]) -> set[str]:
            inside = Path(folder).relative_to(self._context)
            return {
                name
                for name in names
                for pattern in ignored
                if fnmatch.fnmatch(str(inside / name), pattern)
                or (pattern.startswith("**/") and fnmatch.fnmatch(name, pattern[3:]))
            }

        given = self._context / source
        if given.is_dir():
            shutil.copytree(given, place, ignore=skip, dirs_exist_ok=True)
        else:
            # A target is the file's own name here: none ends with a slash, as a folder's would.
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(given, place)

    def _workdir(self, stage: Stage, instruction: Instruction) -> None:
        stage.cwd = instruction.rest
        stage.root.place(stage.cwd).mkdir(parents=True, exist_ok=True)

    def _user(self, stage: Stage, instruction: Instruction) -> None:
        stage.user = instruction.rest

    def _cmd(self, stage: Stage, instruction: Instruction) -> None:
        stage.command = instruction.command()

    def _healthcheck(self, stage: Stage, instruction: Instruction) -> None:
        rest = instruction.rest.removeprefix("CMD ").strip()
        stage.health = Instruction(line=instruction.line, name="CMD", text=rest).command()

    def _stopsignal(self, stage: Stage, instruction: Instruction) -> None:
        stage.signal = instruction.rest

    def _volume(self, stage: Stage, instruction: Instruction) -> None:
        stage.volumes.append(instruction.rest)

    def _expose(self, stage: Stage, instruction: Instruction) -> None:
        stage.ports.append(instruction.rest)

    def _label(self, stage: Stage, instruction: Instruction) -> None:
        instruction.pairs(stage.values)
