"""What a caller may launch who may launch models, but does not own the machine."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from xinfer.domain.identity import Principal, Scope
from xinfer.domain.model import Hub, ModelSpec
from xinfer.errors import Forbidden

_HINT = "An administrator can launch it, or declare it in a recipe."
_PROGRAMS = ("command",)
_CODE = "trust_remote_code"


class LaunchRights:
    """`roots` are the folders below which local files may be named; none: nowhere.

    The scope models:write is the right to run models. Reading any file of the machine, or running
    any program as the server's user, is more than that, and the scope admin's.
    """

    def __init__(self, roots: Iterable[str] = ()) -> None:
        self._roots = tuple(os.path.realpath(root) for root in roots)

    def check(self, by: Principal, spec: ModelSpec) -> None:
        """Raises Forbidden naming what is too much."""
        if Scope.ADMIN in by.scopes:
            return
        by.require_model(spec.uid)
        if spec.engine.casefold() in _PROGRAMS:
            raise _refusal(f"'{by.name}' may not run programs by the engine '{spec.engine}'.")
        if spec.extra_args or spec.env:
            raise _refusal(f"'{by.name}' may not set arguments or variables of the engine process.")
        if _runs_code(spec.options):
            raise _refusal(f"'{by.name}' may not run code that comes with a model.")
        source = spec.source
        named = {**spec.options, "source.files": list(source.files) if source else []}
        for name, value in named.items():
            for path in _paths(value):
                if not self._is_below(path):
                    raise _refusal(f"'{by.name}' may not use the local file {path} as {name}.")
        if source is not None and source.hub is Hub.PATH and not self._is_below(source.ref):
            raise _refusal(f"'{by.name}' may not use the local file or folder {source.ref}.")

    def _is_below(self, path: str) -> bool:
        """Links are followed first, as far as this machine has them. Only a whole path can be: what
        others count from is not known here.
        """
        if not path.startswith("/"):
            return False
        real = Path(os.path.realpath(path))
        return any(real.is_relative_to(root) for root in self._roots)


def _runs_code(value: Any) -> bool:
    """Whether code that comes with a model is trusted anywhere in it, in any spelling that engines
    take.
    """
    value = _read(value)
    if isinstance(value, Mapping) and any(
        each and name.replace("-", "_").casefold() == _CODE for name, each in value.items()
    ):
        return True
    return any(map(_runs_code, _inner(value)))


def _paths(value: Any) -> Iterator[str]:
    """Texts in an option that leave the model's own folder; adapters are given as `name=path`."""
    if isinstance(value, str):
        for text in (value, value.partition("=")[2]):
            leaves = text.startswith(("/", "~")) or ".." in Path(text).parts
            if leaves or text.lower().startswith("file:"):
                yield text
    for each in _inner(_read(value)):
        yield from _paths(each)


def _read(value: Any) -> Any:
    """What a text spells that is JSON of an object or a list; itself if it is none."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            return json.loads(value)
    return value


def _inner(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def _refusal(message: str) -> Forbidden:
    return Forbidden(message, _HINT)
