"""The metadata of a GGUF file: the few numbers that memory planning needs. Reads no tensors."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from xinfer.errors import Invalid

_MAGIC = b"GGUF"
_STRING, _ARRAY = 8, 9
_SCALARS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i",
    6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
_MAX_KEYS = 100_000
_MAX_STRING = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a model needs memory for. `kv_bytes_per_token` holds for 16-bit keys and values.

    `trained_context` is the longest context it was trained for, in tokens.
    """

    architecture: str
    size_bytes: int
    layers: int
    trained_context: int
    kv_bytes_per_token: int


def read_shape(path: Path) -> Shape:
    """Read the header. Raises Invalid, naming the file, when it is no usable GGUF model."""
    try:
        with path.open("rb") as file:
            metadata = _metadata(file)
        return _shape(metadata, path.stat().st_size)
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror or error}.") from error
    except (struct.error, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise Invalid(
            f"{path} is not a usable GGUF model: {error}.", "Is it complete? Fetch it again."
        ) from error


def _shape(metadata: dict[str, Any], size_bytes: int) -> Shape:
    architecture = str(metadata["general.architecture"])

    def number(name: str, default: int | None = None) -> int:
        value = metadata.get(f"{architecture}.{name}", default)
        if isinstance(value, list):
            value = max(value)
        if value is None:
            raise ValueError(f"it does not say its {name}")
        return int(value)

    layers, width, heads = (
        number("block_count"),
        number("embedding_length"),
        number("attention.head_count", 1) or 1,
    )
    kv_heads = number("attention.head_count_kv", heads)
    key = number("attention.key_length", width // heads)
    value = number("attention.value_length", width // heads)
    return Shape(
        architecture=architecture,
        size_bytes=size_bytes,
        layers=layers,
        trained_context=number("context_length", 4096),
        kv_bytes_per_token=2 * layers * kv_heads * (key + value),
    )


def _metadata(file: BinaryIO) -> dict[str, Any]:
    if file.read(4) != _MAGIC:
        raise ValueError("it does not begin with 'GGUF'")
    version, _tensors, count = struct.unpack("<IQQ", _exactly(file, 20))
    if version not in (2, 3):
        raise ValueError(f"its version {version} is not known")
    if count > _MAX_KEYS:
        raise ValueError(f"it claims {count} keys")
    found = {}
    for _ in range(count):
        name = _string(file)
        (kind,) = struct.unpack("<I", _exactly(file, 4))
        found[name] = _value(file, kind)
    return found


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _STRING:
        return _string(file)
    if kind == _ARRAY:
        return _array(file)
    if kind not in _SCALARS:
        raise ValueError(f"a value of unknown type {kind}")
    form = _SCALARS[kind]
    return struct.unpack(form, _exactly(file, struct.calcsize(form)))[0]


def _array(file: BinaryIO) -> list[Any]:
    """Numbers are kept; long lists of strings (the vocabulary) are only stepped over."""
    kind, count = struct.unpack("<IQ", _exactly(file, 12))
    if kind in _SCALARS:
        width = struct.calcsize(_SCALARS[kind])
        if count * width > _MAX_STRING:
            raise ValueError(f"a list of {count} values")
        data = _exactly(file, count * width)
        return [each[0] for each in struct.iter_unpack(_SCALARS[kind], data)]
    if kind != _STRING:
        raise ValueError(f"a list of unknown type {kind}")
    for _ in range(count):
        (length,) = struct.unpack("<Q", _exactly(file, 8))
        if length > _MAX_STRING:
            raise ValueError(f"a text of {length} bytes")
        _exactly(file, length)
    return []


def _string(file: BinaryIO) -> str:
    (length,) = struct.unpack("<Q", _exactly(file, 8))
    if length > _MAX_STRING:
        raise ValueError(f"a text of {length} bytes")
    return _exactly(file, length).decode("utf-8", errors="replace")


def _exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) != count:
        raise ValueError("it ends too early")
    return data
