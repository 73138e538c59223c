"""Puts a bundle into an installation, without a network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xinfer.domain.home import Home
from xinfer.engines.requirement import Requirements
from xinfer.errors import Conflict, StoreFailed
from xinfer.launch import bundle
from xinfer.launch.bundle import Bundle, Packages
from xinfer.launch.bundle_check import Fault, faults
from xinfer.launch.bundle_files import Mover, Progress, check_room
from xinfer.launch.environments import Workshop


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Where a bundle is now: `recipe` starts it. `faults`: why nothing of it was loaded."""

    recipe: Path
    environments: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


def load(folder: Path, home: Home, progress: Progress) -> Loaded:
    """Verify a bundle, copy it below the caches of `home` and build its environments.

    What is placed is a bundle itself; one of the same name is replaced. Nothing is placed when a
    file is not as listed. Raises Conflict when the wheels do not fit this machine or this xinfer,
    LaunchFailed when an environment cannot be built, StoreFailed when files cannot be placed.
    """
    listed = bundle.read(folder)
    place = home.cache / "bundles" / listed.name
    for packages in listed.environments:
        _check_fit(listed, packages)
    found = faults(folder, listed, progress)
    if found:
        return Loaded(recipe=place / bundle.RECIPE, faults=found)
    # A bundle that lies in its place already only lacks environments.
    if not (place.is_dir() and place.samefile(folder)):
        _place(folder, place, listed, progress)
    workshop = Workshop(home, wheelhouse=(place / bundle.WHEELS).absolute())
    built = tuple(_build(workshop, packages, progress) for packages in listed.environments)
    return Loaded(recipe=place / bundle.RECIPE, environments=built)


def _place(folder: Path, place: Path, listed: Bundle, progress: Progress) -> None:
    files = listed.files()
    total = check_room(place, [(folder / name, name) for name in files])
    mover = Mover(place, "copying", total, progress)
    try:
        with bundle.making(place):
            for name, file in files.items():
                if mover.put(folder / name, name, link=True) != file:
                    raise StoreFailed(
                        f"{place / name} is not what was in the bundle when it was verified.",
                        "Check the disks of both, then run it again.",
                    )
            bundle.sweep(place, listed)
            bundle.write(place, listed)
    except OSError as error:
        raise StoreFailed(
            f"{place} cannot be written: {error.strerror or error}.",
            "Check that there is room and that the folder may be written to, then run it again.",
        ) from error


def _build(workshop: Workshop, packages: Packages, progress: Progress) -> str:
    what = f"environment {packages.engine}-{packages.accelerator}"
    made = workshop.create(
        packages.engine,
        packages.accelerator,
        lambda share, text: progress(what, share, text),
    )
    return made.path


def _check_fit(listed: Bundle, packages: Packages) -> None:
    """Wheels are for one system, one version of Python and one list."""
    name = f"{packages.engine}-{packages.accelerator}"
    ours = bundle.machine()
    if (listed.platform, listed.python) != ours:
        raise Conflict(
            f"The wheels of {name} are for {listed.platform} and Python {listed.python}, this is "
            f"{ours[0]} and Python {ours[1]}.",
            "Make the bundle on a machine like this one, or with --no-wheels.",
        )
    requirement = Requirements().get(packages.engine, packages.accelerator)
    if requirement is None or requirement.digest() != packages.digest:
        raise Conflict(
            f"The wheels of {name} were chosen by another list than the one of this xinfer.",
            f"Use xinfer {listed.xinfer}, by which the bundle was made, or make it anew.",
        )
