"""The estimate of memory, line by line against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinfer.catalog.builtin import Builtin
from xinfer.catalog.family import Kind, Place, Shape, Variant
from xinfer.catalog.footprint import footprint
from xinfer.catalog.memory import Estimate, Question, cache_bytes_per_token, estimate, guess
from xinfer.errors import Invalid

MIB = 1024**2
SMALL = Shape(layers=24, hidden=896, heads=14, kv_heads=2, intermediate=4864, vocab=151936)
HYBRID = Shape(
    layers=24,
    hidden=1024,
    heads=8,
    kv_heads=2,
    head_dim=256,
    intermediate=3584,
    vocab=248320,
    kind="hybrid_attention",
    full_attention_interval=4,
    linear_key_heads=16,
    linear_value_heads=16,
    linear_key_dim=128,
    linear_value_dim=128,
    linear_conv=4,
    weights_bytes=1746882752,
)


def asked(
    format_: str = "pytorch", quantization: str | None = "none", shape: Shape | None = SMALL
) -> Estimate:
    question = Question(size=0.5, format=format_, quantization=quantization, context=4096)
    return estimate(question, shape)


def test_a_plain_network() -> None:
    found = asked()
    assert found.model == pytest.approx(0.5 * 2e9 / MIB)
    assert found.kv_cache == 48.0
    assert found.activation == 483.0
    assert (found.overhead, found.recurrent_state) == (650.0, 0.0)
    assert found.total == 2135


@pytest.mark.parametrize(("bits", "cache"), [(8, 24.0), (16, 48.0), (32, 96.0)])
def test_the_cache_follows_its_type(bits: int, cache: float) -> None:
    question = Question(size=0.5, format="pytorch", quantization=None, context=4096, kv_bits=bits)
    assert estimate(question, SMALL).kv_cache == cache


@pytest.mark.parametrize(
    ("quantization", "share"),
    [
        *((name, 0.31) for name in ("Int4", "4bit", "4-bit", "fp4")),
        *((name, 0.56) for name in ("FP8", "Int8", "8bit")),
        *((name, 1.0) for name in ("none", "bf16", "FP16", None)),
        ("3bit", 3 / 16 + 0.06),
        ("6bit", 6 / 16 + 0.06),
    ],
)
def test_fewer_bits_take_less_and_six_percent(quantization: str | None, share: float) -> None:
    assert asked("gptq", quantization).model == pytest.approx(share * 1e9 / MIB)


@pytest.mark.parametrize(
    ("quantization", "weights"),
    [
        ("q4_0", 18 * 663126016 / 32),
        ("Q8_0", 34 * 663126016 / 32),
        ("q6_k", 54 * 663126016 / 64),
        ("q4_k_m", (54 * 123863040 + 38 * 539262976) / 64),
        ("Q3_K_L", (38 * 123863040 + 26 * 539262976) / 64),
    ],
)
def test_gguf_goes_by_its_blocks(quantization: str, weights: float) -> None:
    for format_ in ("gguf", "ggufv2"):
        found = asked(format_, quantization)
        assert found.model == pytest.approx(weights / MIB)
        assert found.overhead == pytest.approx(650 + 409.6)


def test_without_a_name_the_network_is_guessed() -> None:
    found = guess(7)
    assert (found.layers, found.heads, found.hidden, found.intermediate, found.vocab) == (
        *(32, 32, 3636, 4 * 3636, 32000),
    )
    shapes = [(guess(size).heads, guess(size).layers) for size in (4.9, 9.9, 23, 54, 55)]
    assert shapes == [(32, 24), (32, 32), (40, 40), (60, 48), (64, 80)]
    assert asked(shape=None) == asked(shape=guess(0.5))


def test_linear_attention_keeps_a_state_and_a_smaller_cache() -> None:
    found = asked(shape=HYBRID)
    assert found.model == 1746882752 / MIB
    assert found.kv_cache == 2 * 4096 * 6 * 2 * 256 * 2 / MIB
    assert found.recurrent_state == 18 * (16 * 128 * 128 * 4 + 3 * 6144 * 2) / MIB


@pytest.mark.parametrize(
    ("format_", "quantization", "shape", "words"),
    [
        ("gguf", "IQ4_XS", SMALL, "no formula for the quantization"),
        ("gptq", "Int5x", SMALL, "no formula for the quantization"),
        ("pytorch", "none", replace(SMALL, kind="mla"), "MLA"),
        ("awq", "Int4", replace(SMALL, kind="moe"), "moe network"),
        ("gguf", "q4_0", replace(SMALL, kind="multimodal"), "multimodal network"),
        ("bnb", "4-bit", HYBRID, "hybrid_attention network"),
    ],
)
def test_what_has_no_formula_is_refused(
    format_: str, quantization: str, shape: Shape, words: str
) -> None:
    with pytest.raises(Invalid, match=words) as caught:
        asked(format_, quantization, shape)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("question", "key"),
    [
        (Question(size=7, format="ggufx", quantization=None, context=9), "model_format"),
        (Question(size=0, format="pytorch", quantization=None, context=1), "size_in_billions"),
        (Question(size=1, format="pytorch", quantization=None, context=0), "context_length"),
        (
            Question(size=1, format="pytorch", quantization=None, context=1, kv_bits=12),
            "kv_cache_dtype",
        ),
    ],
)
def test_a_question_without_sense(question: Question, key: str) -> None:
    with pytest.raises(Invalid) as caught:
        estimate(question)
    assert caught.value.key == key


@given(st.floats(0.05, 2000))
def test_a_guessed_network_has_the_asked_size(size: float) -> None:
    shape = guess(size)
    parameters = 16 * shape.layers * shape.hidden**2 + 2 * shape.vocab * shape.hidden
    assert size * 1e9 <= parameters * (1 + 1e-9)
    assert parameters < size * 1e9 * 1.1 + 1e7


def test_placement_counts_weights_as_stored_and_a_cache_by_the_token() -> None:
    assert cache_bytes_per_token(SMALL) == 2 * 24 * 2 * 64 * 2
    assert cache_bytes_per_token(SMALL, 8) == 24 * 2 * 2 * 64
    one = {"huggingface": Place(repo="a/b")}
    many = {"huggingface": Place(repo="a/b", quantizations=("Q4_K_M", "Q8_0"))}
    weighed = footprint(Variant(format="pytorch", size="0.8", sources=one, shape=HYBRID), "none")
    assert weighed is not None
    assert weighed.weights_bytes == HYBRID.weights_bytes
    variant = Variant(format="gguf", size="0.8", sources=many, shape=HYBRID)
    sizes = [footprint(variant, quantization) for quantization in ("Q4_K_M", "Q8_0")]
    assert [round(each.weights_bytes / 0.8e8) for each in sizes if each] == [6, 11]


def test_every_text_model_of_the_catalog_can_be_placed() -> None:
    for family in Builtin().families(Kind.LLM):
        for variant in family.variants:
            for quantization in variant.quantizations():
                found = footprint(variant, quantization)
                assert found is not None
                bits = found.weights_bytes * 8 / (float(variant.size or 0) * 1e9)
                assert 1.5 < bits < 40, (family.name, variant.format, variant.size, quantization)
                assert found.token_bytes > 0
