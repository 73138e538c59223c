"""Which of the files of a source an engine is given."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from xinfer.errors import Invalid, NotFound

_SHOWN = 8


def select(root: Path, patterns: Iterable[str], place: str) -> tuple[Path, ...]:
    """The files below `root` that match any pattern, sorted; without patterns its GGUF files.

    Projectors (mmproj*.gguf) come along with a model. A folder without GGUF files is taken whole,
    which is what engines of other formats read: the result is then empty. Raises NotFound when a
    pattern matches nothing, Invalid when there are several models or several projectors to choose
    from. `place` names the source in messages.
    """
    wanted = tuple(patterns)
    if wanted:
        found = sorted({path for pattern in wanted for path in _matches(root, pattern)})
        if not found:
            raise NotFound(
                f"No file of {place} matches {', '.join(wanted)}.", _listing(root.rglob("*"), root)
            )
        return tuple(found)
    ours = sorted(path for path in root.rglob("*.gguf") if path.is_file())
    projectors = [path for path in ours if path.name.lower().startswith("mmproj")]
    models = [path for path in ours if path not in projectors]
    if (len(models) > 1 and not _parts_of_one(models)) or len(projectors) > 1:
        raise Invalid(
            f"{place} has {len(ours)} GGUF files, and the recipe names none.",
            f"Choose with files: [...]. {_listing(ours, root)}",
            key="source.files",
        )
    return (*models, *projectors)


def _matches(root: Path, pattern: str) -> list[Path]:
    """Files only, and none outside of `root`, whatever the pattern is made of."""
    if not pattern or Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise Invalid(
            f"The pattern '{pattern}' does not name files of the source.",
            "Patterns are relative to the source, such as '*Q4_K_M.gguf'.",
            key="source.files",
        )
    return [path for path in root.glob(pattern) if path.is_file()]


def _parts_of_one(models: list[Path]) -> bool:
    """Whether the files are the numbered parts of one model (name-00001-of-00003.gguf)."""
    stems = {path.name.rpartition("-of-")[0].rpartition("-")[0] for path in models}
    return len(stems) == 1 and "" not in stems


def _listing(paths: Iterable[Path], root: Path) -> str:
    names = [str(path.relative_to(root)) for path in paths if path.is_file()][: _SHOWN + 1]
    more = ", ..." if len(names) > _SHOWN else ""
    return f"It has: {', '.join(names[:_SHOWN])}{more}" if names else "It has no files."
