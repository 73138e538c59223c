"""Which of the files of a source an engine is given."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath

from xinfer.catalog.pattern import checked, matches
from xinfer.errors import Invalid, NotFound

_SHOWN = 8


def select(root: Path, patterns: Iterable[str], place: str) -> tuple[Path, ...]:
    """The files below `root` that match any pattern, sorted; without patterns its GGUF files.

    Projectors (mmproj*.gguf) come along with a model. A folder without GGUF files is taken whole,
    which is what engines of other formats read: the result is then empty. Raises NotFound when a
    pattern matches nothing, Invalid when there are several models or several projectors to choose
    from. `place` names the source in messages.
    """
    wanted = tuple(checked(pattern) for pattern in patterns)
    if wanted:
        found = sorted(
            {path for pattern in wanted for path in root.glob(pattern) if path.is_file()}
        )
        if not found:
            names = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
            raise unmatched(wanted, names, place)
        return tuple(found)
    ours = [path.relative_to(root) for path in root.rglob("*.gguf") if path.is_file()]
    return tuple(root / name for name in only_model([str(path) for path in ours], place))


def only_model(names: Collection[str], place: str) -> tuple[str, ...]:
    """The one model among the names of GGUF files, in all its parts, with its projector.

    Raises Invalid when there are several to choose from.
    """
    projectors = sorted(name for name in names if _file(name).lower().startswith("mmproj"))
    models = sorted(set(names) - set(projectors))
    if (len(models) > 1 and not _parts_of_one(models)) or len(projectors) > 1:
        raise Invalid(
            f"{place} has {len(names)} GGUF files, and the recipe names none.",
            f"Choose with files: [...]. {_listing(sorted(names))}",
            key="source.files",
        )
    return (*models, *projectors)


def named(names: Iterable[str], patterns: Iterable[str], place: str) -> tuple[str, ...]:
    """Those of the names that match any pattern. Raises as `select` does."""
    wanted, there = tuple(checked(pattern) for pattern in patterns), list(names)
    found = sorted(name for name in there if any(matches(name, pattern) for pattern in wanted))
    if not found:
        raise unmatched(wanted, there, place)
    return tuple(found)


def unmatched(patterns: Iterable[str], names: Iterable[str], place: str) -> NotFound:
    """The error for patterns that match nothing."""
    return NotFound(f"No file of {place} matches {', '.join(patterns)}.", _listing(sorted(names)))


def _parts_of_one(models: Iterable[str]) -> bool:
    """Whether the files are the numbered parts of one model (name-00001-of-00003.gguf)."""
    stems = {_file(name).rpartition("-of-")[0].rpartition("-")[0] for name in models}
    return len(stems) == 1 and "" not in stems


def _file(name: str) -> str:
    return PurePosixPath(name).name


def _listing(names: Iterable[str]) -> str:
    shown = list(names)
    more = ", ..." if len(shown) > _SHOWN else ""
    return f"It has: {', '.join(shown[:_SHOWN])}{more}" if shown else "It has no files."
