"""The body of `POST /v1/model_memory`, in the words of `xinfer cal-model-mem`."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from xinfer.services.memory import Asked


class MemoryBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`model_size_in_billions` is such as 7 or "0_5"; without `model_name` a network of that size
    is guessed. `kv_cache_dtype`: bits of a cached number.
    """

    model_size_in_billions: Annotated[float, Meta(gt=0)] | str
    model_format: str
    context_length: Annotated[int, Meta(ge=1, le=2**30)]
    model_name: str | None = None
    quantization: str | None = None
    kv_cache_dtype: Literal[8, 16, 32] = 16

    def asked(self) -> Asked:
        """The same for the service."""
        return Asked(
            name=self.model_name,
            size=str(self.model_size_in_billions),
            format=self.model_format,
            quantization=self.quantization,
            context=self.context_length,
            kv_bits=self.kv_cache_dtype,
        )
