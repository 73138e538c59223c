"""The memory that a text model is said to need, beside what the nodes have free."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from xinfer.catalog.family import Kind, Shape
from xinfer.catalog.match import Wish, choose, plain_format, plain_size
from xinfer.catalog.memory import Question, estimate
from xinfer.domain.memory import Room
from xinfer.errors import Invalid
from xinfer.services.families import Families

_MIB = 2**20
_LARGEST = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`size` is such as "7" or "0_5"; without the `name` of a family a network of that size is
    guessed. `context` in tokens, `kv_bits` of a cached number.
    """

    name: str | None
    size: str
    format: str
    quantization: str | None
    context: int
    kv_bits: int


class Memory:
    """`rooms()` are the known nodes' machines by name, with what is taken of them."""

    def __init__(self, families: Families, rooms: Callable[[], Mapping[str, Room]]) -> None:
        self._families = families
        self._rooms = rooms

    def estimate(self, asked: Asked) -> dict[str, Any]:
        """In bytes, by part, and which nodes have as much free: on their accelerators together, if
        they have some.

        Raises NotFound for a family or a variant that is not there, Invalid for a size that is
        none and where there is no formula.
        """
        question = _question(asked)
        found = estimate(question, self._shape(question, asked.name))
        needed = found.total * _MIB
        free = {node: _free(room) for node, room in sorted(self._rooms().items())}
        return {
            "model_bytes": math.ceil(found.model * _MIB),
            "kv_cache_bytes": math.ceil(found.kv_cache * _MIB),
            "recurrent_state_bytes": math.ceil(found.recurrent_state * _MIB),
            "activation_bytes": math.ceil(found.activation * _MIB),
            "overhead_bytes": math.ceil(found.overhead * _MIB),
            "total_bytes": needed,
            "nodes": [
                {"node": node, "free_bytes": left, "fits": needed <= left}
                for node, left in free.items()
            ],
        }

    def _shape(self, question: Question, name: str | None) -> Shape | None:
        if name is None:
            return None
        wish = Wish(
            format=question.format, size=str(question.size), quantization=question.quantization
        )
        return choose(self._families.registry().find(Kind.LLM, name), wish).variant.shape


def _question(asked: Asked) -> Question:
    try:
        size = float(plain_size(asked.size))
    except ValueError:
        size = math.nan
    if not 0 < size <= _LARGEST:
        raise Invalid(
            f"model_size_in_billions: '{asked.size}' is not a size such as 7 or 0_5.",
            key="model_size_in_billions",
        )
    return Question(
        size=size,
        format=plain_format(asked.format),
        quantization=asked.quantization,
        context=asked.context,
        kv_bits=asked.kv_bits,
    )


def _free(room: Room) -> int:
    devices = room.free_by_device()
    return sum(devices) if devices else room.free()
