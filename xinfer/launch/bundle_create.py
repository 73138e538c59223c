"""Makes a bundle from a recipe, on a machine with a network."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import xinfer
from xinfer.catalog.wanted import wanted
from xinfer.config.settings import environment
from xinfer.domain.engine import Files
from xinfer.domain.model import Hub, Source
from xinfer.domain.ports import Transfer
from xinfer.engines.installer import Installer, find_uv
from xinfer.engines.requirement import CPU, Requirement, Requirements
from xinfer.errors import Invalid, StoreFailed
from xinfer.launch import bundle
from xinfer.launch.bundle import Bundle, File, Packages, Weights
from xinfer.launch.bundle_files import Mover, Progress, check_room
from xinfer.launch.bundle_recipe import BundledRecipe, bundled
from xinfer.launch.bundle_wheels import Fetcher
from xinfer.launch.declaration import Declaration, declare
from xinfer.launch.sources import hubs
from xinfer.worker.devices import Devices

_REMOTE = (Hub.HUGGINGFACE, Hub.MODELSCOPE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A bundle that was made. `notes` are what a person has to see to."""

    bundle: Bundle
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """The files of one source as they are here, and where they go: names in the bundle."""

    source: Source
    uids: tuple[str, ...]
    moves: tuple[tuple[Path, str], ...]
    path: str

    @property
    def declared(self) -> dict[str, Any]:
        """The source that the bundle's recipe has in place of the original one."""
        is_file = self.path == self.moves[0][1]
        files = () if is_file else self.source.files
        return {"path": self.path, **({"files": list(files)} if files else {})}


class Maker:
    """Makes one bundle in `folder`. `accelerator` None = what this machine has."""

    def __init__(self, folder: Path, accelerator: str | None, progress: Progress) -> None:
        self._folder = folder
        self._progress = progress
        own = dict.fromkeys(device.kind for device in Devices().machine().devices)
        self._accelerators = (accelerator,) if accelerator else tuple(own)

    def make(self, words: Sequence[str], *, wheels: bool) -> Made:
        """Fetch what is missing, copy and hash all.

        Raises Invalid for a recipe that is wrong, Conflict for a folder that has other things in
        it, LaunchFailed for what cannot be fetched, StoreFailed when there is no room.
        """
        given = declare(words, here=False)
        if given.recipe is None:
            raise Invalid("There is no recipe to make a bundle from.", "Name its file.")
        bundle.check_target(self._folder)
        requirements = self._requirements(given) if wheels else ()
        fetcher = _fetcher()
        for each in requirements:
            # Now: the weights may take an hour to copy.
            fetcher.check(each)
        parts = [self._fetch(given, source, uids) for source, uids in _sources(given).items()]
        total = check_room(self._folder, [move for part in parts for move in part.moves])
        with _storing(self._folder), bundle.making(self._folder):
            mover = Mover(self._folder, "copying", total, self._progress)
            models = tuple(_moved(part, mover) for part in parts)
            packages = tuple(self._packages(each, fetcher) for each in requirements)
            recipe = bundled(given, {uid: part.declared for part in parts for uid in part.uids})
            made = self._bundle(given, self._write(recipe), models, packages)
            bundle.sweep(self._folder, made)
            bundle.write(self._folder, made)
        return Made(bundle=made, notes=recipe.notes)

    def _fetch(self, given: Declaration, source: Source, uids: tuple[str, ...]) -> _Part:
        hub = hubs(given.home).get(source.hub)
        if hub is None:
            raise Invalid(f"models.{uids[0]}.source: there is no hub '{source.hub}' yet.")
        files = hub.fetch(source, _Watch(source.ref, self._progress))
        place = f"{bundle.MODELS}/{uids[0]}"
        moves = tuple((path, f"{place}/{name}") for path, name in self._chosen(source, files))
        if not moves:
            raise Invalid(f"models.{uids[0]}.source: there are no files in {files.root}.")
        is_file = source.hub is Hub.PATH and Path(source.ref).expanduser().is_file()
        path = moves[0][1] if is_file else place
        return _Part(source=source, uids=uids, moves=moves, path=path)

    def _chosen(self, source: Source, files: Files) -> Iterator[tuple[Path, str]]:
        """The files to take along with their names: those that the engine is given, and in a
        folder of weights of other formats all that lies beside them.
        """
        alone = len(files.paths) == 1 and Path(source.ref).expanduser() == files.paths[0]
        is_gguf = files.paths and all(path.suffix == ".gguf" for path in files.paths)
        if alone or is_gguf or (files.paths and source.hub in _REMOTE):
            yield from ((path, path.relative_to(files.root).as_posix()) for path in files.paths)
            return
        names = [path.relative_to(files.root).as_posix() for path in self._below(files.root)]
        if source.hub in _REMOTE:
            names = list(wanted(names, source.files, source.ref))
        yield from ((files.root / name, name) for name in names)

    def _below(self, root: Path) -> list[Path]:
        """The files of a folder, less hidden ones and those of the bundle that is being made."""
        target = self._folder.resolve()
        return sorted(
            path
            for path in root.rglob("*")
            if path.is_file()
            and not any(part.startswith(".") for part in path.relative_to(root).parts)
            and not path.resolve().is_relative_to(target)
        )

    def _requirements(self, given: Declaration) -> tuple[Requirement, ...]:
        """The lists of the managed environments that the models would run in."""
        found: dict[str, Requirement] = {}
        for spec in given.models.values():
            if given.settings.engines[spec.engine].env != "managed":
                continue
            usual = (CPU,) if spec.placement.n_gpu is None else (*self._accelerators, CPU)
            requirement = Requirements().choose(spec.engine, usual)
            if requirement is not None:
                found[requirement.name] = requirement
        return tuple(found.values())

    def _packages(self, requirement: Requirement, fetcher: Fetcher) -> Packages:
        what = f"packages of {requirement.name}"
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=bundle.SCRATCH) as scratch:
            place = Path(scratch).absolute()
            wheels = fetcher.fetch(
                requirement, place, lambda share, text: self._progress(what, share, text)
            )
            total = sum(path.stat().st_size for path in wheels)
            mover = Mover(self._folder, what, total, self._progress)
            files = [mover.put(each, f"{bundle.WHEELS}/{each.name}", link=True) for each in wheels]
        return Packages(
            engine=requirement.engine,
            accelerator=requirement.accelerator,
            digest=requirement.digest(),
            files=tuple(files),
        )

    def _write(self, recipe: BundledRecipe) -> File:
        path = self._folder / bundle.RECIPE
        path.write_text(recipe.text, encoding="utf-8")
        size = path.stat().st_size
        mover = Mover(self._folder, bundle.RECIPE, size, self._progress)
        return File(name=bundle.RECIPE, size_bytes=size, sha256=mover.hash(bundle.RECIPE))

    def _bundle(
        self,
        given: Declaration,
        recipe: File,
        models: tuple[Weights, ...],
        packages: tuple[Packages, ...],
    ) -> Bundle:
        system, python = bundle.machine()
        return Bundle(
            format=bundle.FORMAT,
            name=given.name,
            xinfer=xinfer.__version__,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            platform=system,
            python=python,
            recipe=recipe,
            models=models,
            environments=packages,
        )


class _Watch:
    """Passes on how far a fetch is."""

    def __init__(self, what: str, progress: Progress) -> None:
        self._what = what
        self._progress = progress

    def see(self, transfer: Transfer) -> None:
        self._progress(self._what, transfer.share, transfer.text)

    def cancelled(self) -> bool:
        return False


def _fetcher() -> Fetcher:
    wheelhouse = environment(os.environ).wheelhouse
    return Fetcher(installer=Installer(uv=find_uv(), environ=os.environ, wheelhouse=wheelhouse))


def _sources(given: Declaration) -> Mapping[Source, tuple[str, ...]]:
    """The models of each source: two may share one."""
    found: dict[Source, tuple[str, ...]] = {}
    for uid, spec in given.models.items():
        if spec.source is not None:
            found[spec.source] = (*found.get(spec.source, ()), uid)
    return found


def _moved(part: _Part, mover: Mover) -> Weights:
    # Files of a hub's cache are never written again, those of other places may be.
    link = part.source.hub in _REMOTE
    return Weights(
        uids=part.uids,
        hub=str(part.source.hub),
        ref=part.source.ref,
        revision=part.source.revision,
        patterns=part.source.files,
        files=tuple(mover.put(path, name, link=link) for path, name in part.moves),
    )


@contextmanager
def _storing(folder: Path) -> Iterator[None]:
    """Raises StoreFailed for what the disk refuses."""
    try:
        yield
    except OSError as error:
        raise StoreFailed(
            f"The bundle {folder} cannot be written: {error.strerror or error}.",
            "Check that there is room and that the folder may be written to, then run it again.",
        ) from error
