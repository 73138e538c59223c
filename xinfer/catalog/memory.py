"""The memory that a text model is said to need: the estimate of `xinfer cal-model-mem`.

The formulas are those that users of Xinference know, which follow the gpu_poor project: weights,
cache of keys and values, activations, and a fixed overhead, in MiB. For placement see `footprint`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from xinfer.catalog.family import Kind, Shape
from xinfer.catalog.match import plain_format
from xinfer.catalog.spec import FORMATS
from xinfer.domain.names import did_you_mean
from xinfer.errors import Invalid

_MIB = 1024**2
_OVERHEAD_MIB = 650.0
_UNQUANTIZED = {"", "none", "bf16", "fp16"}
_BITS = {"fp4": 4, "mxfp4": 4, "nvfp4": 4, "fp8": 8, **{f"{n}-bit": n for n in (2, 3, 4, 5, 6, 8)}}
_BITS |= {f"{n}bit": n for n in (2, 3, 4, 5, 6, 8)} | {f"int{n}": n for n in (2, 3, 4, 5, 6, 8)}

_BLOCKS_OF_32 = {"q4_0": 18, "q4_1": 20, "q5_0": 22, "q5_1": 24, "q8_0": 34, "q8_1": 40}
_BLOCKS_OF_64 = {"q6_k": 54, "q3": 26, "q4": 38, "q5": 46}
_MIXED = {
    "q3_k_l": (38, 26), "q3_k_m": (46, 26), "q4_k_s": (46, 38), "q4_k_m": (54, 38),
    "q5_k_m": (54, 46), "q2_k": (26, 22),
}  # fmt: skip
"""Bytes of a block of numbers in GGUF; mixed ones have larger blocks in some layers."""

_GUESSES = ((5, 32, 24), (10, 32, 32), (24, 40, 40), (55, 60, 48), (math.inf, 64, 80))
"""Below so many billions of parameters a network is guessed to have these heads and layers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to estimate: `size` in billions of parameters, `context` in tokens."""

    size: float
    format: str
    quantization: str | None
    context: int
    kv_bits: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """All in MiB."""

    model: float
    kv_cache: float
    recurrent_state: float
    overhead: float
    activation: float

    @property
    def total(self) -> int:
        parts = (self.model, self.kv_cache, self.recurrent_state, self.overhead, self.activation)
        return math.ceil(sum(parts))


def estimate(question: Question, shape: Shape | None = None) -> Estimate:
    """The estimate for a network of this shape, or of one guessed from the size.

    Raises Invalid for a quantization that has no formula, and for shapes that have none.
    """
    _check(question)
    known = shape if shape is not None else guess(question.size)
    if known.kind == "mla":
        raise Invalid(
            "Networks with latent attention (MLA) have no formula here.",
            "Launch it, and see what is measured.",
        )
    squares = 2 * question.context**2 * known.heads
    return Estimate(
        model=_weights(question, known),
        kv_cache=cache_bytes_per_token(known, question.kv_bits) * question.context / _MIB,
        recurrent_state=_state(known),
        overhead=_OVERHEAD_MIB + (0.1 * question.context if _is_gguf(question) else 0.0),
        activation=(10 * question.context * known.hidden + squares) / _MIB,
    )


def guess(size: float) -> Shape:
    """A plain network of about that many billions of parameters."""
    heads, layers = next((heads, layers) for top, heads, layers in _GUESSES if size < top)
    vocab = 32000
    # 16 L h^2 + 2 V h = parameters, solved for h.
    a, b, c = 16 * layers, 2 * vocab, -size * 1e9
    hidden = math.ceil((-b + math.sqrt(b * b - 4 * a * c)) / (2 * a))
    return Shape(layers=layers, hidden=hidden, heads=heads, intermediate=4 * hidden, vocab=vocab)


def cache_bytes_per_token(shape: Shape, kv_bits: int = 16) -> float:
    """Bytes of keys and values of one token; only layers with full attention keep them."""
    every = shape.full_attention_interval or 1
    layers = shape.layers // every if shape.kind == "hybrid_attention" else shape.layers
    head_dim = shape.head_dim or shape.hidden / shape.heads
    return 2 * layers * (shape.kv_heads or shape.heads) * head_dim * kv_bits / 8


def _check(question: Question) -> None:
    formats = FORMATS[Kind.LLM]
    if plain_format(question.format) not in map(plain_format, formats):
        raise Invalid(
            f"'{question.format}' is not a format of LLM models.",
            did_you_mean(question.format, formats),
            key="model_format",
        )
    if question.kv_bits not in (8, 16, 32):
        raise Invalid(
            f"A cache of {question.kv_bits} bits is not one of 8, 16, 32.", key="kv_cache_dtype"
        )
    if not 0 < question.size < math.inf:
        raise Invalid(
            f"{question.size} is not a number of billions of parameters.",
            key="size_in_billions",
        )
    if question.context < 1:
        raise Invalid(f"A context of {question.context} tokens cannot be.", key="context_length")


def _is_gguf(question: Question) -> bool:
    return plain_format(question.format) == "gguf"


def _weights(question: Question, shape: Shape) -> float:
    if shape.weights_bytes and question.format != "bnb":
        return shape.weights_bytes / _MIB
    quantized = (question.quantization or "").lower() not in _UNQUANTIZED
    if quantized and shape.kind in {"hybrid_attention", "moe", "multimodal"}:
        raise Invalid(
            f"Quantized weights of a {shape.kind} network have no formula, and their size is not"
            " recorded.",
            "Ask for the unquantized model, or launch it and see what is measured.",
            key="quantization",
        )
    if _is_gguf(question):
        return _gguf(shape, question.quantization or "")
    base = question.size * 2e9 / _MIB
    if not quantized:
        return base
    bits = _BITS.get(str(question.quantization).lower())
    if bits is None:
        raise _unknown(str(question.quantization), _BITS)
    return base * bits / 16 + 0.06 * base


def _gguf(shape: Shape, quantization: str) -> float:
    name = quantization.lower()
    square, wide = shape.layers * shape.hidden**2, shape.layers * shape.hidden * shape.intermediate
    ends = 2 * shape.vocab * shape.hidden
    parameters = ends + 4 * square + 3 * wide
    if name in _BLOCKS_OF_32:
        return _BLOCKS_OF_32[name] * parameters / (32 * _MIB)
    if name in _BLOCKS_OF_64:
        return _BLOCKS_OF_64[name] * parameters / (64 * _MIB)
    if name not in _MIXED:
        raise _unknown(quantization, (*_BLOCKS_OF_32, *_BLOCKS_OF_64, *_MIXED))
    larger, smaller = _MIXED[name]
    share = parameters - 2 * square + ends if name == "q2_k" else square + wide
    return (larger * share + smaller * (parameters - share)) / (64 * _MIB)


def _state(shape: Shape) -> float:
    """What layers with linear attention keep in place of a cache, whatever the context."""
    if shape.kind != "hybrid_attention" or not shape.linear_value_heads:
        return 0.0
    layers = shape.layers - shape.layers // (shape.full_attention_interval or 1)
    keys, values = shape.linear_key_dim, shape.linear_value_dim
    memory = shape.linear_value_heads * keys * values * 4
    width = 2 * shape.linear_key_heads * keys + shape.linear_value_heads * values
    steps = max(0, shape.linear_conv - 1)
    return layers * (memory + steps * width * 2) / _MIB


def _unknown(quantization: str, known: Iterable[str]) -> Invalid:
    names = sorted(known)
    return Invalid(
        f"There is no formula for the quantization '{quantization}'.",
        did_you_mean(quantization, names) or f"Known: {', '.join(names)}.",
        key="quantization",
    )
