"""The places that Hydra looks for YAML files in: the recipe, its folder, then `conf/`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import OmegaConf
from omegaconf.errors import GrammarParseError

from xinfer.config import explain
from xinfer.config.document import Document, read_document
from xinfer.config.origin import Origin, OriginKind, Origins
from xinfer.config.paths import shown

PRIMARY = "the recipe"
"""Name of the recipe in Hydra's defaults list; with a space, so that no file can have it."""


class Folder(ConfigSource):
    """A folder of YAML files that remembers every document it gave out.

    With a `recipe`, that file answers to the name PRIMARY and to no other, so that a recipe may be
    called what it likes, `base.yaml` included.
    """

    def __init__(self, folder: Path, kind: OriginKind, recipe: Path | None = None) -> None:
        super().__init__(provider=str(kind), path=f"file://{folder}")
        self.kind = kind
        self.documents: dict[str, Document] = {}
        self._folder = folder
        self._recipe = recipe

    @staticmethod
    def scheme() -> str:
        return "file"

    def available(self) -> bool:
        return True

    def is_group(self, config_path: str) -> bool:
        return (self._folder / config_path).is_dir()

    def is_config(self, config_path: str) -> bool:
        if config_path == PRIMARY:  # even if there is none: reading it says why
            return self._recipe is not None
        file = self._file(config_path)
        return file is not None and file.is_file()

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        del results_filter  # groups within groups are not offered
        names = sorted(file.stem for file in (self._folder / config_path).glob("*.yaml"))
        return [name for name in names if self.is_config(f"{config_path}/{name}".lstrip("/"))]

    def groups(self) -> tuple[str, ...]:
        """The folders in it, each a choice of files."""
        return tuple(each.name for each in self._folder.iterdir() if each.is_dir())

    def load_config(self, config_path: str) -> ConfigResult:
        """Hydra gets the defaults list only; the rest of the file is ours to lay."""
        file = self._file(config_path)
        assert file is not None, config_path
        document = self.documents.get(config_path) or read_document(file)
        self.documents[config_path] = document
        defaults = _defaults(document, is_recipe=config_path == PRIMARY)
        return ConfigResult(
            config=OmegaConf.create({"defaults": defaults} | ({"_": 0} if document.data else {})),
            path=self.full_path(),
            provider=self.provider,
            header=_header(document),
        )

    def _file(self, config_path: str) -> Path | None:
        if config_path == PRIMARY:
            return self._recipe
        file = self._folder / f"{config_path.removesuffix('.yaml')}.yaml"
        if self._recipe is not None and _same(file, self._recipe):
            return None
        return file


def _same(one: Path, other: Path) -> bool:
    """Whether both are one file. A link that leads nowhere is no file at all."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def _defaults(document: Document, *, is_recipe: bool) -> list[Any]:
    """The defaults list with `base` where a recipe has none, and the file itself last."""
    given = document.data.get("defaults", ["base"] if is_recipe else [])
    name, line = shown(document.path), document.lines.get("defaults", 1)
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list):
        raise explain.at_line(name, line, "defaults", "expected a list.", "Write defaults: [base]")
    for index, item in enumerate(given):
        _check_item(item, f"defaults[{index}]", name, document.lines.get(f"defaults[{index}]", 1))
    try:
        OmegaConf.create({"defaults": given})
    except GrammarParseError as error:
        origin = Origin(kind=OriginKind.RECIPE, place=f"{name}:{line}")
        origins = Origins()
        origins.update({"defaults": origin})
        raise explain.unresolved(origins, error) from None
    return given if "_self_" in given else [*given, "_self_"]


def _check_item(item: Any, key: str, name: str, line: int) -> None:
    is_choice = isinstance(item, dict) and len(item) == 1
    choice = next(iter(item.values())) if is_choice else item
    listed = choice if isinstance(choice, list) else [choice]
    if not all(isinstance(one, str) for one in listed):
        what = f"{item!r} names no file."
        raise explain.at_line(name, line, key, what, "Write a name, or a pair such as auth: open.")


def _header(document: Document) -> dict[str, str | None]:
    """Hydra's `# @package NAME` line."""
    try:
        return ConfigSource._get_header_dict(document.text)
    except ValueError as error:
        raise explain.at_line(shown(document.path), 1, "", f"{error}.") from None
