"""Runs llama.cpp's own server by the xllamacpp package: one JSON order in, one server up."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import setproctitle
import xllamacpp

_DIRECT = (
    "n_batch", "n_ubatch", "n_gpu_layers", "kv_unified", "cache_ram_mib", "rope_freq_base",
    "rope_freq_scale", "main_gpu", "no_kv_offload", "warmup", "n_parallel",
)  # fmt: skip
"""Options that are attributes of CommonParams by the same name."""


def parameters(order: dict[str, Any]) -> xllamacpp.CommonParams:
    """The parameters of llama.cpp's server for an order of `engines/llama_cpp.py`."""
    given = {name: value for name, value in order["options"].items() if value is not None}
    params = xllamacpp.CommonParams()
    params.model.path = order["model"]
    params.model_alias = {order["uid"]}
    params.hostnames = [order["host"]]
    params.port = 0
    params.endpoint_metrics = True
    params.ui = False
    params.use_jinja = given.get("jinja", True)
    params.cache_ram_mib = 256
    params.warmup = False
    # llama.cpp counts the context over all slots; ours is that of each.
    params.n_ctx = given["n_ctx"] * given["n_parallel"]
    for name in _DIRECT:
        if name in given:
            setattr(params, name, given[name])
    params.cpuparams.n_threads = given["n_threads"]
    params.cpuparams_batch.n_threads = given.get("n_threads_batch", given["n_threads"])
    _set_enums(params, given)
    _set_files(params, given)
    if "tensor_split" in given:
        split = list(params.tensor_split)
        split[: len(given["tensor_split"])] = given["tensor_split"]
        params.tensor_split = split
    if "seed" in given:
        params.sampling.seed = given["seed"]
    _set_kind(params, order["kind"])
    return params


def _set_enums(params: Any, given: dict[str, Any]) -> None:
    kinds = xllamacpp.ggml_type
    for name in ("cache_type_k", "cache_type_v"):
        if name in given:
            setattr(params, name, getattr(kinds, f"GGML_TYPE_{given[name].upper()}"))
    attention = xllamacpp.llama_flash_attn_type
    word = {"auto": "AUTO", "on": "ENABLED", "off": "DISABLED"}[given.get("flash_attn", "auto")]
    params.flash_attn_type = getattr(attention, f"LLAMA_FLASH_ATTN_TYPE_{word}")
    if "pooling" in given:
        pooling = xllamacpp.llama_pooling_type
        name = f"LLAMA_POOLING_TYPE_{given['pooling'].upper()}"
        params.pooling_type = getattr(pooling, name)


def _set_files(params: Any, given: dict[str, Any]) -> None:
    if "chat_template" in given:
        template = given["chat_template"]
        is_file = len(template) < 4096 and "\n" not in template and Path(template).is_file()
        text = Path(template).read_text(encoding="utf-8") if is_file else template
        params.chat_template = text
    if "mmproj" in given:
        params.mmproj.path = given["mmproj"]
    if "draft_model" in given:
        params.speculative.draft.mparams.path = given["draft_model"]
        if "draft_n_max" in given:
            params.speculative.draft.n_max = given["draft_n_max"]
    adapters = []
    for text in given.get("lora", ()):
        path, _, scale = text.partition("=")
        adapter = xllamacpp.CommonAdapterLoraInfo()
        adapter.path, adapter.scale = path, float(scale or 1.0)
        adapters.append(adapter)
    if adapters:
        params.lora_adapters = adapters


def _set_kind(params: Any, kind: str) -> None:
    if kind in ("embedding", "rerank"):
        params.embedding = True
        # These models read a text in one piece, so a batch must hold the longest one.
        params.n_ubatch = params.n_batch
    if kind == "rerank":
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_RANK


def main() -> int:
    """Serve until SIGTERM; a model that cannot be loaded ends the process with an exception."""
    order = json.loads(sys.argv[1])
    setproctitle.setproctitle(f"xinfer: llama.cpp {order['uid']}")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    server = xllamacpp.Server(parameters(order))
    address = server.listening_address.removeprefix("http://")
    endpoint = Path(order["endpoint_file"])
    temporary = endpoint.with_suffix(".tmp")
    temporary.write_text(address, encoding="utf-8")
    temporary.replace(endpoint)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    return 0


if __name__ == "__main__":
    sys.exit(main())
