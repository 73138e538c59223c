"""Which files make up one recipe: Hydra's defaults list over the recipe's folder and `conf/`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hydra import version
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.defaults_list import create_defaults_list
from hydra.errors import ConfigCompositionException, MissingConfigException

from xinfer.config import explain
from xinfer.config.document import Document
from xinfer.config.folder import PRIMARY, Folder
from xinfer.config.origin import OriginKind
from xinfer.config.override import Override
from xinfer.config.paths import conf_dir, shown
from xinfer.domain.names import did_you_mean
from xinfer.errors import Invalid


class Files(ConfigRepository):
    """The recipe, what stands beside it and `conf/`; the first that has a name wins."""

    def __init__(self, recipe: Path | None) -> None:
        # Hydra keeps the version of its rules in a singleton; nothing else of it is global here.
        version.setbase("1.3")
        self._conf = Folder(conf_dir(), OriginKind.CONF)
        self._folders = [self._conf]
        if recipe is not None:
            beside = Folder(recipe.absolute().parent, OriginKind.RECIPE, recipe)
            self._folders.insert(0, beside)
        self._primary = PRIMARY if recipe is not None else "base"
        self.sources = list(self._folders)

    def is_choice(self, override: Override) -> bool:
        """Whether an override picks a file of a group (`auth=required`) and sets no value."""
        parsed = override.hydra
        if parsed is None or not (parsed.is_delete() or isinstance(override.value, str | list)):
            return False
        return self.group_exists(parsed.key_or_group)

    def layers(self, choices: Sequence[Override]) -> list[tuple[Document, str, OriginKind]]:
        """Each document with its Hydra package and kind, lowest first."""
        chosen = [one.hydra for one in choices if one.hydra is not None]
        try:
            defaults = create_defaults_list(self, self._primary, chosen, False, False).defaults
        except MissingConfigException as error:
            raise self._missing(error, choices) from None
        except RecursionError:
            raise self._in_defaults("the files of the defaults list include each other.") from None
        except (ConfigCompositionException, ValueError) as error:
            raise self._refused(error, choices) from None
        found = [(str(one.config_path), str(one.package or "")) for one in defaults]
        return [self._layer(path, package) for path, package in found]

    def _layer(self, config_path: str, package: str) -> tuple[Document, str, OriginKind]:
        folder = next(one for one in self._folders if one.is_config(config_path))
        return folder.documents[config_path], package, folder.kind

    def _missing(self, error: MissingConfigException, choices: Sequence[Override]) -> Invalid:
        path = str(error.missing_cfg_file)
        group, _, name = path.rpartition("/")
        known = error.options or [one for folder in self._folders for one in folder.list("", None)]
        what = f"there is no '{name}' in group '{group}'." if group else f"there is no '{name}'."
        if group and not self.group_exists(group):
            what, name, known = f"there is no group '{group}'.", group, self._conf.groups()
        hint = did_you_mean(name, known)
        for one in choices:
            if one.key.partition("@")[0] == group:
                return explain.at(one.place, group, what, hint)
        return self._in_defaults(what, hint, name)

    def _refused(self, error: Exception, choices: Sequence[Override]) -> Invalid:
        lines = str(error).splitlines()
        reason = lines[0].replace(PRIMARY, "the recipe") if lines else type(error).__name__
        what = f"{reason.rstrip('.')}."
        for one in choices:
            if re.search(rf"\b{re.escape(one.key.partition('@')[0])}\b", reason):
                return explain.at(one.place, one.key, what)
        return self._in_defaults(what)

    def _in_defaults(self, what: str, hint: str = "", name: str = "") -> Invalid:
        """A failure of the defaults list: at the item that says `name`, else at a whole list."""
        documents = [one for folder in self._folders for one in folder.documents.values()]
        for document in documents:
            for index, item in enumerate(document.data.get("defaults", [])):
                if name and re.search(rf"\b{re.escape(name)}\b", str(item)):
                    key = f"defaults[{index}]"
                    place = f"{shown(document.path)}:{document.lines.get(key, 1)}"
                    return explain.at(place, "defaults", what, hint)
        for document in documents[:1]:
            line = document.lines.get("defaults", 1)
            return explain.at_line(shown(document.path), line, "defaults", what, hint)
        return explain.at("", "defaults", what, hint)
