"""Which files are worth fetching."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xinfer.catalog.pattern import matches
from xinfer.catalog.wanted import wanted, whole
from xinfer.errors import Invalid, NotFound

SHARDS = [f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)]
COMMON = ["config.json", "tokenizer.model", "chat_template.jinja", "modeling_x.py"]
NOT_WANTED = [
    *("pytorch_model.bin", "flax_model.msgpack", "tf_model.h5", "model.onnx", "model.Q4_0.gguf"),
    *("original/consolidated.00.pth", "onnx/model.onnx_data", "README.md", ".gitattributes"),
    *("checkpoint-500/model.safetensors", "consolidated.safetensors", "training_args.bin"),
    *("assets/picture.PNG", ".eval_results/x.yaml", "scheduler.pt"),
]


@pytest.mark.parametrize("weights", [SHARDS, ["model.safetensors"]])
def test_safetensors_and_what_belongs_to_them(weights: list[str]) -> None:
    there = [*weights, *COMMON, *NOT_WANTED, "1_Pooling/config.json"]
    chosen = wanted(there, (), "org/x")
    assert set(chosen) == {*weights, *COMMON, "1_Pooling/config.json"}
    assert list(chosen) == sorted(chosen)


def test_a_part_without_safetensors_keeps_its_own_format() -> None:
    there = ["model.safetensors", "config.json", "2_Dense/config.json", "2_Dense/pytorch_model.bin"]
    assert set(wanted(there, (), "x")) == set(there)


def test_the_only_format_there_is() -> None:
    assert wanted(["consolidated.safetensors", "params.json"], (), "x") == (
        "consolidated.safetensors",
        "params.json",
    )
    bins = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"]
    there = [*bins, "config.json", "optimizer.bin"]
    assert wanted(there, (), "x") == ("config.json", *bins)
    assert wanted(["a.gguf", "mmproj-a.gguf", "README.md"], (), "x") == ("a.gguf", "mmproj-a.gguf")


def test_what_must_be_chosen_and_what_has_nothing() -> None:
    with pytest.raises(Invalid, match="has 2 GGUF files") as failed:
        wanted(["a-Q4_0.gguf", "a-Q8_0.gguf"], (), "x")
    assert "It has: a-Q4_0.gguf, a-Q8_0.gguf" in failed.value.hint
    assert wanted(["a-Q4_0.gguf", "a-Q8_0.gguf"], ("*Q8_0.gguf",), "x") == ("a-Q8_0.gguf",)
    with pytest.raises(NotFound, match="no weights"):
        wanted(["README.md", "config.json"], (), "x")
    with pytest.raises(Invalid):
        wanted(["a"], ("../a",), "x")


@pytest.mark.parametrize(
    ("names", "patterns", "expected"),
    [
        ([*SHARDS, "config.json"], (), True),
        ([*SHARDS[:2], "config.json"], (), False),
        ([*SHARDS], (), False),
        (["config.json", "tokenizer.json"], (), False),
        (["a-00001-of-00002.gguf"], (), False),
        (["a-00001-of-00002.gguf", "a-00002-of-00002.gguf"], (), True),
        (["a.gguf"], ("a.gguf",), True),
        (["a.gguf"], ("a.gguf", "mmproj*.gguf"), False),
    ],
)
def test_whether_a_folder_looks_whole(
    names: list[str], patterns: tuple[str, ...], expected: bool
) -> None:
    assert whole(names, patterns) is expected


NAMES = st.lists(st.sampled_from(["a", "b", "a.json", "ab.gguf", "c.d"]), min_size=1, max_size=3)
PATTERNS = st.lists(
    st.sampled_from(["*", "**", "a*", "*.json", "a", "?", "[ab]*", "*.gguf"]),
    min_size=1,
    max_size=3,
).filter(lambda parts: parts[-1] != "**")


@settings(max_examples=150, deadline=None)
@given(names=st.lists(NAMES, max_size=5), pattern=PATTERNS)
def test_patterns_mean_what_they_mean_in_a_folder(
    names: list[list[str]], pattern: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for parts in names:
            path = root.joinpath(*(f"{part}_" for part in parts[:-1]), parts[-1])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        files = [path for path in root.rglob("*") if path.is_file()]
        text = "/".join(pattern)
        found = {path for path in root.glob(text) if path.is_file()}
        assert found == {path for path in files if matches(str(path.relative_to(root)), text)}
