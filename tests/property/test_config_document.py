"""Whatever stands in a recipe: it is read as it is written, or refused with a message."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.config.fakes import FakeEngines
from xinfer.config import amount
from xinfer.config.compile import compile_recipe
from xinfer.config.compose import compose
from xinfer.config.document import read_document
from xinfer.config.paths import recipes_dir
from xinfer.errors import Invalid

names = st.text(st.sampled_from("abcXYZ019_- .:#@'\"é"), min_size=1, max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)
documents = st.dictionaries(names, values, min_size=1, max_size=4)


def written(text: bytes) -> Path:
    handle, name = tempfile.mkstemp(suffix=".yaml")
    with os.fdopen(handle, "wb") as file:
        file.write(text)
    return Path(name)


@given(documents, st.booleans())
def test_what_is_written_is_read(data: dict[str, Any], flow: bool) -> None:
    text = yaml.safe_dump(data, default_flow_style=flow, allow_unicode=True, width=10_000)
    path = written(text.encode())
    try:
        document = read_document(path)
    finally:
        path.unlink()
    assert document.data == data
    assert set(data) <= set(document.lines)
    if not flow:
        lines = text.splitlines()
        starts = [lines[document.lines[key] - 1] for key in data if key.isalnum()]
        assert all(
            line.strip("'\"").startswith(key)
            for line, key in zip(starts, filter(str.isalnum, data), strict=True)
        )


def refusal(recipe: Path | None, *overrides: str) -> str:
    """The message, or nothing if it compiled; any other exception fails the test."""
    try:
        compile_recipe(compose(recipe, overrides), FakeEngines(), Path("/home"))
    except Invalid as error:
        return error.message
    return ""


RECIPE = (recipes_dir() / "two_models.yaml").read_bytes().replace(b"- quickstart", b"- base")


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, len(RECIPE)),
    st.integers(0, 12),
    st.binary(max_size=6)
    | st.sampled_from([b"\t", b"${", b"}", b": ", b"\n  ", b"*a", b"'", b"???"]),
)
def test_a_damaged_recipe_never_ends_in_a_traceback(at: int, cut: int, put: bytes) -> None:
    path = written(RECIPE[:at] + put + RECIPE[at + cut :])
    try:
        said = refusal(path)
    finally:
        path.unlink()
    assert path.name in said or said.startswith("defaults") or not said
    assert "\n" not in said


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("models.chat=replicas+~,[]{}'\"$: 1x\\"), max_size=24))
def test_an_override_is_taken_or_refused(text: str) -> None:
    said = refusal(None, text)
    assert said.startswith("command line") or not said


@given(st.integers(1, 2**50), st.sampled_from(["KiB", "MiB", "GiB"]))
def test_amounts_are_exact(count: int, unit: str) -> None:
    power = ["KiB", "MiB", "GiB"].index(unit) + 1
    assert amount.to_bytes(f"{count}{unit}") == count * 1024**power
    assert amount.to_bytes(count) == amount.to_bytes(str(count)) == count
