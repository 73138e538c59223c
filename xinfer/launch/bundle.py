"""A bundle: recipe, model files and packages in one folder, with a list of all that is in it.

The list is written last, so that a folder that has it was whole once; while a bundle is made, a
marker stands in its place.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from xinfer.errors import Conflict, Invalid, NotFound, StoreFailed

FORMAT = 1
LIST = "bundle.json"
MARKER = "bundle.making"
RECIPE = "recipe.yaml"
MODELS = "models"
WHEELS = "wheels"
SCRATCH = ".wheels-"
_PARTIAL = ".partial"
_NAME = re.compile(r"[^/\\\x00-\x1f.][^/\\\x00-\x1f]*\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """`name` is relative to the bundle, with slashes; `sha256` in hex."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The files of one source; `uids` are the models that use them."""

    uids: tuple[str, ...]
    hub: str
    ref: str
    revision: str | None
    patterns: tuple[str, ...]
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """All wheels of one environment; `digest` is that of the list they were chosen by."""

    engine: str
    accelerator: str
    digest: str
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What is in a bundle. `name` is that of the recipe; `platform` and `python` are those that the
    wheels were chosen for.
    """

    format: int
    name: str
    xinfer: str
    created: str
    platform: str
    python: str
    recipe: File
    models: tuple[Weights, ...] = ()
    environments: tuple[Packages, ...] = ()

    def files(self) -> dict[str, File]:
        """Every file by its name; environments may share wheels."""
        lists = [part.files for part in self.models] + [part.files for part in self.environments]
        every = (self.recipe, *(file for files in lists for file in files))
        return {file.name: file for file in every}


def machine() -> tuple[str, str]:
    """System and version of Python, as far as wheels differ by them."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"{sys.platform}-{platform.machine()}", version


def read(folder: Path) -> Bundle:
    """The list of a bundle.

    Raises NotFound when there is none, Invalid when it cannot be understood.
    """
    path = folder / LIST
    try:
        bundle = msgspec.json.decode(path.read_bytes(), type=Bundle)
    except FileNotFoundError:
        raise _no_bundle(folder) from None
    except OSError as error:
        raise StoreFailed(f"{path} cannot be read: {error.strerror or error}.") from error
    except msgspec.DecodeError as error:
        raise Invalid(f"{path} is not the list of a bundle: {error}.", _COPY_AGAIN) from error
    _check(bundle, path)
    return bundle


def write(folder: Path, bundle: Bundle) -> None:
    """Whole or not at all. Raises OSError."""
    temporary = folder / f"{LIST}{_PARTIAL}"
    with temporary.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(bundle), indent=2) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / LIST)


def check_target(folder: Path) -> None:
    """Raises Conflict for a folder that has other things in it."""
    try:
        names = {path.name for path in folder.iterdir()}
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreFailed(f"{folder} cannot be used: {error.strerror or error}.") from error
    if names and not names & {LIST, MARKER}:
        raise Conflict(
            f"{folder} is not empty, and it is not a bundle.",
            "Name an empty folder, one that is not there yet, or a bundle to make anew.",
        )


@contextmanager
def making(folder: Path) -> Iterator[None]:
    """Hold the folder while a bundle is made in it: it is none until the list is written.

    Raises Conflict when it has other things in it, or another process makes one there.
    """
    check_target(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / MARKER).open("w") as marker:
        try:
            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"Another process is making a bundle in {folder}.") from None
        (folder / LIST).unlink(missing_ok=True)
        yield
        (folder / MARKER).unlink(missing_ok=True)


def sweep(folder: Path, bundle: Bundle) -> None:
    """Delete from its folders what does not belong to it: the remains of an earlier making."""
    known = bundle.files()
    for remains in folder.glob(f"{SCRATCH}*"):
        shutil.rmtree(remains, ignore_errors=True)
    for place in (MODELS, WHEELS):
        for path in sorted((folder / place).rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                with suppress(OSError):
                    path.rmdir()
            elif path.relative_to(folder).as_posix() not in known:
                path.unlink()


_COPY_AGAIN = "Copy the bundle again from where it was made."


def _no_bundle(folder: Path) -> NotFound:
    if (folder / MARKER).exists():
        return NotFound(
            f"{folder} is not a whole bundle: its making was cut off before {LIST} was written.",
            f"Run `xinfer bundle create RECIPE -o {folder}` again; what is there is used.",
        )
    return NotFound(f"{folder} is not a bundle: there is no {LIST} in it.", _COPY_AGAIN)


def _check(bundle: Bundle, path: Path) -> None:
    """Names must stay inside: a list may come from anywhere."""
    if bundle.format != FORMAT:
        raise Invalid(
            f"{path} has format {bundle.format}, this xinfer reads format {FORMAT}.",
            f"Use xinfer {bundle.xinfer}, by which it was made.",
        )
    if not _NAME.match(bundle.name):
        raise Invalid(f"{path} has the name {bundle.name!r}, which no folder can have.")
    for name, file in bundle.files().items():
        pure = PurePosixPath(name)
        inside = not pure.is_absolute() and ".." not in pure.parts and str(pure) == name
        if not inside or name in (".", LIST, MARKER) or not _SHA256.match(file.sha256):
            raise Invalid(f"{path} lists {name!r}, which no bundle has.", "Do not use this bundle.")
