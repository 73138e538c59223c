"""What a variant needs when it runs, as far as the catalog can tell: the input of placement."""

from __future__ import annotations

import re

from xinfer.catalog.family import Variant
from xinfer.catalog.memory import cache_bytes_per_token, guess
from xinfer.domain.model import Footprint

_BITS_BY_NAME = {
    "iq1": 2.0, "iq2": 2.7, "iq3": 3.6, "iq4": 4.5, "tq1": 1.9, "tq2": 2.3, "mxfp4": 4.6,
    "q2": 3.2, "q3": 3.9, "q4": 4.9, "q5": 5.7, "q6": 6.6, "q8": 8.5, "f16": 16.0, "bf16": 16.0,
    "fp16": 16.0, "f32": 32.0, "fp8": 8.4, "fp4": 4.8, "nvfp4": 4.8, "int2": 3.0, "int3": 3.8,
    "int4": 4.8, "int8": 8.6, "2bit": 3.0, "3bit": 3.8, "4bit": 4.8, "5bit": 5.7, "6bit": 6.7,
    "8bit": 8.6, "2-bit": 3.0, "3-bit": 3.8, "4-bit": 4.8, "8-bit": 8.6,
}  # fmt: skip
"""Bits of a weight, scales and the layers that stay larger counted in; from files as published."""

_GUESSED_BITS = 16.0
_NAME = re.compile("|".join(sorted(map(re.escape, _BITS_BY_NAME), key=len, reverse=True)))


def footprint(variant: Variant, quantization: str) -> Footprint | None:
    """Weights as they are stored, and the cache of one token; None without a size to go by."""
    if variant.size is None and variant.shape is None:
        return None
    size = float((variant.size or "0").replace("_", ".")) * 1e9
    shape = variant.shape or guess(max(0.1, size / 1e9))
    weights = size * bits_of(quantization) / 8
    if shape.weights_bytes and len(variant.quantizations()) == 1:
        # Of several quantizations nobody noted which one was weighed.
        weights = shape.weights_bytes
    # Latent attention keeps one small vector for all heads of a layer.
    latent = shape.layers * 576 * 2.0
    token = latent if shape.kind == "mla" else cache_bytes_per_token(shape)
    return Footprint(weights_bytes=int(weights), token_bytes=int(token))


def bits_of(quantization: str) -> float:
    """Bits of a stored weight, by the name of its quantization; 16 where the name says nothing."""
    found = _NAME.search(quantization.lower())
    return _BITS_BY_NAME[found[0]] if found else _GUESSED_BITS
