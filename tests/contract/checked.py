"""Our client, with every reply held against the type that its call is said to return."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, Union, get_args, get_origin

import msgspec

import xinfer.client as ours
from xinfer.client import (
    access,
    autostart,
    catalog,
    cluster,
    downloads,
    inference,
    models,
    recipe,
    relaunch,
    replicas,
    streamable,
)
from xinfer.client.call import Call, StreamCall
from xinfer.client.results import access as access_results
from xinfer.client.results import catalog as catalog_results
from xinfer.client.results import cluster as cluster_results
from xinfer.client.results import declared, files, text
from xinfer.client.results import models as models_results
from xinfer.client.results import replicas as replicas_results

_CALLS = (access, autostart, catalog, cluster, downloads, models, recipe, relaunch, replicas)
_RESULTS = (
    *(access_results, catalog_results, cluster_results, declared, files, models_results),
    *(replicas_results, streamable, text),
)
_TYPED_HANDLES = (
    ours.RESTfulGenerateModelHandle,
    ours.RESTfulEmbeddingModelHandle,
    ours.RESTfulRerankModelHandle,
)
_UNREADABLE = {"convert_ids_to_tokens"}
"""msgspec tells no list of texts from a list of lists."""


class Checked:
    """A client, or a handle of it, of which each reply is checked: is it of its type, and are the
    keys those that its type has? An engine's own reply may have more.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name == "get_model":
            return lambda uid: Checked(found(uid))
        if isinstance(self._inner, ours.RESTfulClient):
            kinds = _OF_CLIENT
        else:
            kinds = _OF_HANDLE if isinstance(self._inner, _TYPED_HANDLES) else {}
        if name not in kinds or name in _UNREADABLE:
            return found
        return _checking(found, kinds[name], whole=kinds is _OF_CLIENT)


def fits(reply: Any, kind: Any, *, whole: bool = True) -> None:
    """Raises AssertionError for keys that the type lacks, msgspec's ValidationError for values."""
    read = msgspec.convert(reply, kind)
    lacking = set(_lacking(read, reply)) if whole else set()
    assert not lacking, f"xinfer.client.results: {kind} has no {sorted(lacking)}"
    assert not whole or read == reply


def _lacking(read: Any, reply: Any, at: str = "") -> Iterator[str]:
    """The keys of a reply that were not read, as paths."""
    if isinstance(reply, dict):
        yield from (f"{at}.{key}" for key in reply if key not in read)
        for key in read:
            yield from _lacking(read[key], reply[key], f"{at}.{key}")
    if isinstance(reply, list):
        for each, given in zip(read, reply, strict=True):
            yield from _lacking(each, given, f"{at}[]")


def _checking(
    method: Callable[..., Any], kinds: Mapping[Any, Any], *, whole: bool
) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(*args: Any, **more: Any) -> Any:
        reply = method(*args, **more)
        if isinstance(reply, ours.Stream):
            return _items(reply, kinds[StreamCall])
        fits(reply, kinds[Call], whole=whole)
        return reply

    return call


def _items(stream: ours.Stream[Any], kind: Any) -> Iterator[Any]:
    """The stream; closing this closes it."""
    with stream:
        for each in stream:
            fits(each, kind, whole=False)
            yield each


def _described(*modules: ModuleType) -> dict[str, dict[Any, Any]]:
    """By the name of a method: what its call, and what each item of its stream, is said to be."""
    names = {name: found for module in _RESULTS for name, found in vars(module).items()}
    return {
        name: _returned(eval(describe.__annotations__["return"], {**names, **vars(module)}))
        for module in modules
        for name, describe in vars(module).items()
        if inspect.isfunction(describe) and not name.startswith("_")
        if describe.__module__ == module.__name__
    }


def _returned(kind: Any) -> dict[Any, Any]:
    several = get_args(kind) if get_origin(kind) is Union else (kind,)
    return {get_origin(each): get_args(each)[0] for each in several}


_OF_CLIENT = _described(*_CALLS)
_OF_HANDLE = _described(inference)
