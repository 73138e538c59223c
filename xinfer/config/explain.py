"""Every way in which a recipe can be wrong, as one message: place, full key, what, what to do.

The failures of files, YAML, Hydra and OmegaConf end here as `Invalid`; nothing else in `config`
words a message about where something stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from omegaconf.errors import (
    GrammarParseError,
    InterpolationKeyError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    UnsupportedInterpolationType,
)

from xinfer.config.origin import OriginKind, Origins
from xinfer.config.paths import recipes_dir, shown
from xinfer.domain.names import did_you_mean, nearest
from xinfer.errors import Invalid

_MOST_NAMES = 12


def at(place: str, key: str, what: str, hint: str = "") -> Invalid:
    """`place: key: what`, leaving out what is empty."""
    return Invalid(": ".join(part for part in (place, key, what) if part), hint, key=key)


def at_key(origins: Origins, key: str, what: str, hint: str = "") -> Invalid:
    """Like `at`, with the place that set the key."""
    return at(_place(origins, key), key, what, hint)


def at_line(name: str, line: int, key: str, what: str, hint: str = "") -> Invalid:
    """Like `at`, with a line of a file."""
    return at(f"{name}:{line}", key, what, hint)


@contextmanager
def placed(origins: Origins, key: str = "") -> Iterator[None]:
    """Add the place to an `Invalid` of the domain, which knows the key at best.

    `key` is used when the domain names none.
    """
    try:
        yield
    except Invalid as error:
        full = error.key or key
        what = error.message.removeprefix(f"{full}: ")
        raise at_key(origins, full, what, error.hint) from None


@contextmanager
def looking(origins: Origins, key: str, path: Path) -> Iterator[None]:
    """Refuse a path that this user may not even look at."""
    try:
        yield
    except OSError as error:
        what = f"{path} cannot be looked at: {error.strerror or error}."
        hint = "Check the owner and mode of it, and of the folders above."
        raise at_key(origins, key, what, hint) from None


def unreadable(path: Path, error: OSError) -> Invalid:
    """The file is not there, is a folder, or may not be read."""
    name = shown(path)
    if isinstance(error, FileNotFoundError):
        return at(name, "", "there is no such file.", _near_file(path))
    if isinstance(error, IsADirectoryError):
        names = sorted(file.name for file in path.glob("*.y*ml"))
        more = ", …" if len(names) > _MOST_NAMES else ""
        listed = f"{', '.join(names[:_MOST_NAMES])}{more}"
        hint = f"Name one of its files: {listed}." if names else "Name a YAML file."
        return at(name, "", "this is a folder, not a recipe.", hint)
    if isinstance(error, PermissionError):
        return at(name, "", "no permission to read it.", "Check the owner and mode of the file.")
    return at(name, "", f"it cannot be read: {error.strerror or error}.")


def not_text(name: str, line: int, byte: int) -> Invalid:
    """The file is not UTF-8."""
    what = f"byte 0x{byte:02x} is not UTF-8 text."
    return at_line(name, line, "", what, "Save the file as UTF-8.")


def empty(name: str) -> Invalid:
    """Nothing but comments, or nothing at all."""
    hint = "Start with `models:`, or give no recipe to start an empty cluster."
    return at(name, "", "the recipe is empty.", hint)


def not_a_mapping(name: str, line: int) -> Invalid:
    """A list or a scalar where `key: value` lines should be."""
    return at_line(name, line, "", "a recipe is a mapping of `key: value` lines.")


def too_deep(name: str) -> Invalid:
    """Brackets or indentation without end."""
    return at(name, "", "it is nested too deeply.", "A recipe is a handful of levels deep.")


def duplicate(name: str, line: int, key: str, first: int) -> Invalid:
    """The same key twice in one mapping."""
    is_uid = re.fullmatch(r"models\.[^.]+", key)
    hint = "Each model needs a uid of its own." if is_uid else "Remove one of them."
    return at_line(name, line, key, f"this key is given twice, first in line {first}.", hint)


def syntax(name: str, text: str, error: yaml.YAMLError) -> Invalid:
    """The file is not YAML."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        position = int(getattr(error, "position", 0))
        line = text.count("\n", 0, position) + 1
        return at_line(name, line, "", "a control character is not allowed in YAML.")
    place = f"{name}:{mark.line + 1}:{mark.column + 1}"
    lines = text.splitlines()
    current = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in current[: mark.column + 1]:
        return at(place, "", "YAML syntax: a tab indents this line.", "Use spaces.")
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    context, start = getattr(error, "context", None), getattr(error, "context_mark", None)
    since = f" that began in line {start.line + 1}" if start and start.line != mark.line else ""
    detail = f"{problem} ({context}{since})" if context else problem
    return at(place, "", f"YAML syntax: {detail}.", "Check the indentation and quotes there.")


def unknown_key(
    origins: Origins, key: str, known: Iterable[str], elsewhere: Iterable[str] = ()
) -> Invalid:
    """No such key here. `elsewhere` are full keys that may have been meant."""
    what, hint = unknown(key, known, elsewhere)
    return at_key(origins, key, what, hint)


def unknown(key: str, known: Iterable[str], elsewhere: Iterable[str] = ()) -> tuple[str, str]:
    """What and hint of an unknown key."""
    leaf = key.rpartition(".")[2]
    names = sorted(known)
    moved = [full for full in elsewhere if full.rpartition(".")[2] == leaf]
    hint = f"Did you mean '{moved[0]}'?" if moved else did_you_mean(leaf, names)
    if not moved and nearest(leaf, names) is None and re.fullmatch(r"models\.[^.]+\.[^.]+", key):
        hint += " Options of the engine go under engine_kwargs."
    return f"there is no key '{leaf}'.", hint


def unresolved(origins: Origins, error: OmegaConfBaseException) -> Invalid:
    """An interpolation that leads nowhere, or a mandatory value that nobody gave."""
    key = str(error.full_key or "")
    first = str(error).splitlines()[0]
    if isinstance(error, MissingMandatoryValue):
        return at_key(origins, key, "a value is required here (???).", f"Give it: {key}=VALUE")
    if isinstance(error, GrammarParseError):
        what = "the interpolation is not well formed."
        return at_key(origins, key, what, "Write ${oc.env:NAME}, ${oc.env:NAME,default} or ${key}.")
    variable = re.search(r"Environment variable '(.+?)' not found", first)
    if variable:
        name = variable.group(1)
        hint = f"Set it, or give a default: ${{oc.env:{name},DEFAULT}}."
        return at_key(origins, key, f"the environment variable {name} is not set.", hint)
    if isinstance(error, InterpolationKeyError):
        target = re.search(r"key '(.+?)' not found", first)
        what = f"it refers to '{target.group(1) if target else '?'}', which does not exist."
        return at_key(origins, key, what, "Give the full key, such as ${cluster.port}.")
    if isinstance(error, UnsupportedInterpolationType):
        resolver = first.rpartition(" ")[2]
        hint = "Use ${oc.env:NAME} for an environment variable."
        return at_key(origins, key, f"there is no resolver '{resolver}'.", hint)
    return at_key(origins, key, f"{first.rstrip('.')}.", "Check the ${...} in it.")


def _place(origins: Origins, key: str) -> str:
    origin = origins.nearest(key)
    return "" if origin.kind is OriginKind.DEFAULT else origin.place


def _near_file(path: Path) -> str:
    try:
        beside = {shown(file): file.name for file in path.absolute().parent.glob("*.y*ml")}
    except OSError:
        beside = {}
    hit = nearest(path.name, beside.values())
    if hit is not None:
        return f"Did you mean '{shown(path.absolute().parent / hit)}'?"
    shipped = sorted(f"recipes/{file.name}" for file in recipes_dir().glob("*.yaml"))
    return f"Recipes that come with xinfer: {', '.join(shipped)}." if shipped else ""
