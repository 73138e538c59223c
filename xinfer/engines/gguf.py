"""The header of a GGUF file: the few numbers that memory planning needs. Reads no weights."""

from __future__ import annotations

import re
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
_PART = re.compile(r"-\d{5}-of-(\d{5})\.gguf\Z")

# Far above any real model; below what would keep a reader of garbage busy.
_MAX_KEYS = 4096
_MAX_TENSORS = 2**20
_MAX_ITEMS = 2**22
_MAX_BYTES = 2**26
_MAX_DIMENSIONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a model needs memory for.

    `keys` and `values` are the numbers that are cached per token, over all layers (for models whose
    layers look back only so far, or keep no cache, more than are needed). `trained_context` is in
    tokens. `pools`: the file says how token vectors become an embedding.
    """

    architecture: str
    keys: int
    values: int
    trained_context: int
    pools: bool = False


def parts(path: Path) -> tuple[Path, ...]:
    """All files of the model that `path` is, or is a part of (name-00002-of-00003.gguf).

    Raises Invalid when a part is missing.
    """
    match = _PART.search(path.name)
    if match is None:
        return (path,)
    stem, count = path.name[: match.start()], match[1]
    names = [f"{stem}-{number:05}-of-{count}.gguf" for number in range(1, int(count) + 1)]
    absent = [name for name in names if not (path.parent / name).is_file()]
    if absent:
        raise Invalid(f"{path.parent} lacks a part of the model: {absent[0]}.", "Fetch it too.")
    return tuple(path.parent / name for name in names)


def read_shape(path: Path) -> Shape:
    """Read the header. Raises Invalid, naming the file, when it is no whole GGUF model."""
    try:
        with path.open("rb", buffering=2**16) as file:
            return _read(file, path.stat().st_size)
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, OverflowError) as error:
        raise Invalid(
            f"{path} is not a usable GGUF model: {error}.", "Is it complete? Fetch it again."
        ) from error


def _read(file: BinaryIO, size_bytes: int) -> Shape:
    if file.read(4) != _MAGIC:
        raise ValueError("it does not begin with 'GGUF'")
    version, tensors, keys = struct.unpack("<IQQ", _exactly(file, 20))
    if version not in (2, 3):
        raise ValueError(f"its version {version} is not known")
    _limit(keys, _MAX_KEYS, "keys")
    metadata = {}
    for _ in range(keys):
        name = _text(file)
        metadata[name] = _value(file, _number(file, "<I"))
    _check_length(file, tensors, _whole(metadata.get("general.alignment", 32)), size_bytes)
    return _shape(metadata)


def _shape(metadata: dict[str, Any]) -> Shape:
    architecture = str(metadata.get("general.architecture", ""))

    def found(name: str, default: Any = None) -> Any:
        value = metadata.get(f"{architecture}.{name}", default)
        if value is None:
            raise ValueError(f"it does not say its {name}")
        return value

    layers = _whole(found("block_count"))
    heads = found("attention.head_count", 1)
    widest = max(heads, default=1) if isinstance(heads, list) else heads
    width = _whole(found("embedding_length")) // max(1, _whole(widest))
    of_cache = found("attention.head_count_kv", heads)
    # One number for all layers, or one for each.
    cached = sum(map(_whole, of_cache)) if isinstance(of_cache, list) else layers * _whole(of_cache)
    return Shape(
        architecture=architecture,
        keys=cached * _whole(found("attention.key_length", width)),
        values=cached * _whole(found("attention.value_length", width)),
        trained_context=max(1, _whole(found("context_length", 4096))),
        pools=f"{architecture}.pooling_type" in metadata,
    )


def _check_length(file: BinaryIO, tensors: int, alignment: int, size_bytes: int) -> None:
    """Notice a file that was cut off, before an engine is started on it again and again."""
    _limit(tensors, _MAX_TENSORS, "tensors")
    last = 0
    for _ in range(tensors):
        _text(file)
        dimensions = _number(file, "<I")
        _limit(dimensions, _MAX_DIMENSIONS, "dimensions of a tensor")
        _exactly(file, 8 * dimensions + 4)
        last = max(last, _number(file, "<Q"))
    start = file.tell() + -file.tell() % max(1, alignment)
    if tensors and start + last >= size_bytes:
        raise ValueError(f"it ends too early, at {size_bytes} of over {start + last} bytes")


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _STRING:
        return _text(file)
    if kind == _ARRAY:
        return _list(file)
    return _number(file, _form(kind))


def _list(file: BinaryIO) -> list[Any]:
    """Numbers are kept; texts (the vocabulary) are only stepped over."""
    kind, count = struct.unpack("<IQ", _exactly(file, 12))
    _limit(count, _MAX_ITEMS, "items of a list")
    if kind == _STRING:
        for _ in range(count):
            _exactly(file, _number(file, "<Q"))
        return []
    form = _form(kind)
    data = _exactly(file, count * struct.calcsize(form))
    return [value for (value,) in struct.iter_unpack(form, data)]


def _form(kind: int) -> str:
    if kind not in _SCALARS:
        raise ValueError(f"it has a value of unknown type {kind}")
    return _SCALARS[kind]


def _number(file: BinaryIO, form: str) -> Any:
    return struct.unpack(form, _exactly(file, struct.calcsize(form)))[0]


def _text(file: BinaryIO) -> str:
    return _exactly(file, _number(file, "<Q")).decode("utf-8", errors="replace")


def _exactly(file: BinaryIO, count: int) -> bytes:
    _limit(count, _MAX_BYTES, "bytes of one value")
    data = file.read(count)
    if len(data) != count:
        raise ValueError("it ends too early")
    return data


def _limit(count: int, most: int, what: str) -> None:
    if count > most:
        raise ValueError(f"it claims {count} {what}")


def _whole(value: Any) -> int:
    """A count, not negative; text or a list in its place is refused."""
    if not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise ValueError(f"{value!r:.40} stands where a count belongs")
    return int(value)
