"""Where the files that come with xinfer are: beside the package in a wheel, or in the checkout."""

from __future__ import annotations

from pathlib import Path

from xinfer.errors import NotFound

_PACKAGE = Path(__file__).resolve().parent.parent


def conf_dir() -> Path:
    """The folder of `base.yaml` and its groups."""
    return _shipped("conf")


def recipes_dir() -> Path:
    """The folder of the recipes that come with xinfer."""
    return _shipped("recipes")


def schema_file() -> Path:
    """The JSON Schema of a recipe, named in the second line of every recipe."""
    return conf_dir() / "recipe.schema.json"


def find_recipe(given: Path) -> Path:
    """`given`, or the recipe that came with xinfer when `recipes/<name>` is not there.

    So that the commands of the documentation also work outside a checkout.
    """
    if given.parent == Path("recipes") and not given.exists():
        shipped = recipes_dir() / given.name
        if shipped.is_file():
            return shipped
    return given


def shown(path: Path) -> str:
    """`path` as people should read it: relative when it is below the current folder."""
    absolute = path.absolute()
    try:
        return str(absolute.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(absolute)


def _shipped(name: str) -> Path:
    for folder in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise NotFound(
        f"The folder '{name}' that comes with xinfer is not there.", "Install xinfer again."
    )
