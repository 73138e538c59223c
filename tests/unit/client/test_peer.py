"""What the official client of Xinference offers, ours offers too: read off both by `inspect`.

One thing differs by intent: a handle is not made by hand, since it uses its client's connections.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator

import pytest

import xinfer.client

_HOME = "xinference_client.client.restful"
_MODULES = {"": f"{_HOME}.restful_client", "Async": f"{_HOME}.async_restful_client"}


def pairs() -> Iterator[tuple[str, type, type]]:
    """Name, class of theirs and class of ours; of clients and of every kind of handle."""
    for prefix, module in _MODULES.items():
        theirs = importlib.import_module(module)
        for name, found in inspect.getmembers(theirs, inspect.isclass):
            if found.__module__ != module:
                continue
            ours = f"{prefix}RESTfulClient" if name.endswith("Client") else name
            yield f"{prefix} {name}", found, getattr(xinfer.client, ours)


PAIRS = list(pairs())
each_pair = pytest.mark.parametrize(
    ("theirs", "ours"), [pair[1:] for pair in PAIRS], ids=[pair[0] for pair in PAIRS]
)


def methods(of: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(member)
        for name, member in inspect.getmembers(of, inspect.isfunction)
        if not name.startswith("_")
    }


def shape(signature: inspect.Signature) -> list[tuple[str, object, object]]:
    """Names, kinds and defaults, without `self`."""
    return [(each.name, each.kind, each.default) for each in signature.parameters.values()][1:]


def test_all_of_theirs_are_compared() -> None:
    kinds = ("Chat", "Generate", "Embedding", "Rerank", "Image", "Audio", "Video", "Flexible")
    names = {theirs.__name__ for _, theirs, _ in PAIRS}
    for kind in kinds:
        assert {f"RESTful{kind}ModelHandle", f"AsyncRESTful{kind}ModelHandle"} <= names
    assert {"Client", "AsyncClient"} <= names


@pytest.mark.parametrize(
    ("theirs", "ours"), [pair[1:] for pair in PAIRS], ids=[p[0] for p in PAIRS]
)
def test_every_method_takes_what_theirs_takes(theirs: type, ours: type) -> None:
    mine = methods(ours)
    for name, signature in methods(theirs).items():
        assert name in mine, f"{ours.__name__} has no {name}"
        wanted, given = shape(signature), shape(mine[name])
        # What ours takes besides is by name only, or follows what theirs takes.
        more = [one for one in given if one not in wanted]
        assert [one for one in given if one in wanted] == wanted, name
        assert given[: len(wanted) - _rest(wanted)] == wanted[: len(wanted) - _rest(wanted)], name
        assert all(
            kind is inspect.Parameter.KEYWORD_ONLY or default is not inspect.Parameter.empty
            for _, kind, default in more
        ), name


def _rest(wanted: list[tuple[str, object, object]]) -> int:
    """1 where the last parameter is `**kwargs`, which has to stay the last."""
    return int(bool(wanted) and wanted[-1][1] is inspect.Parameter.VAR_KEYWORD)


def test_only_constructors_of_handles_differ() -> None:
    for _, theirs, ours in PAIRS:
        if not theirs.__name__.endswith("Handle"):
            assert shape(inspect.signature(theirs)) == shape(inspect.signature(ours))


@pytest.mark.parametrize(
    ("theirs", "ours"), [pair[1:] for pair in PAIRS], ids=[p[0] for p in PAIRS]
)
def test_what_is_awaited_of_theirs_is_awaited_of_ours(theirs: type, ours: type) -> None:
    for name, member in inspect.getmembers(theirs, inspect.isfunction):
        if not name.startswith("_"):
            mine = getattr(ours, name)
            assert inspect.iscoroutinefunction(member) == inspect.iscoroutinefunction(mine), name


def test_ours_says_what_each_method_does() -> None:
    for _, _, ours in PAIRS:
        for name in methods(ours):
            assert getattr(ours, name).__doc__, f"{ours.__name__}.{name}"
