"""The GGUF reader: right about real files, and nothing but Invalid about all others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.engines.gguf_file import LLAMA, smollm2, write_gguf
from xinfer.engines.gguf import parts, read_shape
from xinfer.errors import Invalid


def test_the_real_model() -> None:
    shape = read_shape(smollm2())
    assert (shape.architecture, shape.trained_context, shape.pools) == ("llama", 8192, False)
    # 30 layers of 3 heads of 64 numbers, as the model's card says.
    assert (shape.keys, shape.values) == (30 * 3 * 64, 30 * 3 * 64)


@pytest.mark.parametrize(
    ("more", "keys", "values"),
    [
        pytest.param({}, 4 * 2 * 8, 4 * 2 * 8, id="heads share the width"),
        pytest.param({"llama.attention.key_length": 32}, 4 * 2 * 32, 4 * 2 * 8, id="wide keys"),
        pytest.param({"llama.attention.head_count_kv": [2, 0, 0, 1]}, 3 * 8, 3 * 8, id="by layer"),
        pytest.param({"llama.attention.head_count_kv": 0}, 0, 0, id="no cache"),
        pytest.param({"tokenizer.ggml.tokens": ["a", "b" * 300]}, 64, 64, id="a vocabulary"),
    ],
)
def test_what_is_cached(tmp_path: Path, more: dict[str, Any], keys: int, values: int) -> None:
    shape = read_shape(write_gguf(tmp_path / "m.gguf", {**LLAMA, **more}))
    assert (shape.keys, shape.values) == (keys, values)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"llama.block_count": "four"}, "'four' stands where a count belongs"),
        ({"llama.block_count": float("nan")}, "stands where a count belongs"),
        ({"llama.context_length": -1.0}, "stands where a count belongs"),
        ({"general.architecture": "other"}, "does not say its block_count"),
    ],
)
def test_nonsense_is_refused(tmp_path: Path, more: dict[str, Any], words: str) -> None:
    path = write_gguf(tmp_path / "odd.gguf", {**LLAMA, **more})
    with pytest.raises(Invalid, match=words) as refused:
        read_shape(path)
    assert str(path) in refused.value.message


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.gguf", tmp_path):
        with pytest.raises(Invalid, match="cannot be read"):
            read_shape(path)


def test_a_cut_off_download_is_noticed(tmp_path: Path) -> None:
    whole = smollm2().read_bytes()
    path = tmp_path / "cut.gguf"
    for share in (0.0, 0.001, 0.1, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(Invalid, match="Fetch it again"):
            read_shape(path)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_refused_or_harmless(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever bytes are changed or cut, nothing but Invalid comes out, and it does come out."""
    path = write_gguf(
        tmp_path / "damaged.gguf", {**LLAMA, "x.list": [1, 2, 3], "x.words": ["a", "bc"]}
    )
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        shape = read_shape(path)
    except Invalid:
        return
    assert shape.keys >= 0
    assert shape.trained_context >= 1


def test_parts_of_one_model(tmp_path: Path) -> None:
    names = [f"big-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    for name in names:
        (tmp_path / name).touch()
    assert parts(tmp_path / names[1]) == tuple(tmp_path / name for name in names)
    (tmp_path / names[2]).unlink()
    with pytest.raises(Invalid, match=names[2]):
        parts(tmp_path / names[0])
