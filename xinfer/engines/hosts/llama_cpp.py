"""Runs llama.cpp's own server by the xllamacpp package: one JSON order in, one server up.

Imports nothing else of ours, so that any interpreter that has xllamacpp can run it by its path.
"""

from __future__ import annotations

import json
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import xllamacpp

_DIRECT = (
    *("n_parallel", "n_batch", "n_ubatch", "n_predict", "n_gpu_layers", "main_gpu", "warmup"),
    *("kv_unified", "cache_ram_mib", "swa_full", "chat_template", "rope_freq_base"),
    *("rope_freq_scale", "yarn_orig_ctx", "no_kv_offload"),
)
"""Options that are attributes of CommonParams by the same name."""

_ENUMS = {
    "cache_type_k": ("cache_type_k", "ggml_type", "GGML_TYPE_"),
    "cache_type_v": ("cache_type_v", "ggml_type", "GGML_TYPE_"),
    "pooling": ("pooling_type", "llama_pooling_type", "LLAMA_POOLING_TYPE_"),
    "split_mode": ("split_mode", "llama_split_mode", "LLAMA_SPLIT_MODE_"),
    "rope_scaling": ("rope_scaling_type", "llama_rope_scaling_type", "LLAMA_ROPE_SCALING_TYPE_"),
    "numa": ("numa", "ggml_numa_strategy", "GGML_NUMA_STRATEGY_"),
    "reasoning_format": (
        *("reasoning_format", "common_reasoning_format", "COMMON_REASONING_FORMAT_"),
    ),
}
"""Options whose words are members of an enumeration: attribute, enumeration, prefix."""

_FLASH_ATTENTION = {"auto": -1, "off": 0, "on": 1}
_CACHE_RAM_MIB = 256


def parameters(order: dict[str, Any], port: int) -> xllamacpp.CommonParams:
    """The parameters of llama.cpp's server for an order of `engines/llama_cpp.py`."""
    given = order["options"]
    params = xllamacpp.CommonParams()
    params.model.path = order["model"]
    params.model_alias = {order["uid"]}
    params.hostnames = [order["host"]]
    params.port, params.reuse_port = port, True
    params.endpoint_metrics = True
    params.ui = False
    # Only our gateway is to speak to it, no page in somebody's browser.
    params.cors_origins = ""
    # llama.cpp's own default is 8 GiB, on a machine of any size.
    params.cache_ram_mib = _CACHE_RAM_MIB
    # It counts the context over all slots; an option of ours is that of each.
    params.n_ctx = given["n_ctx"] * given["n_parallel"]
    # Without an accelerator there is nothing to fit, and the try costs a second load.
    params.fit_params = order["fit_layers"]
    for name in _DIRECT:
        if name in given:
            setattr(params, name, given[name])
    for name, (attribute, enumeration, prefix) in _ENUMS.items():
        if name in given:
            member = prefix + given[name].upper().replace("-", "_")
            setattr(params, attribute, getattr(getattr(xllamacpp, enumeration), member))
    _set_other(params, given)
    _set_files(params, given)
    params.embedding = order["kind"] in ("embedding", "rerank")
    if order["kind"] == "rerank":
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_RANK
    return params


def _set_other(params: Any, given: dict[str, Any]) -> None:
    params.use_jinja = given.get("jinja", True)
    params.ctx_shift = given.get("context_shift", False)
    params.cpuparams.n_threads = given["n_threads"]
    params.cpuparams_batch.n_threads = given.get("n_threads_batch", given["n_threads"])
    attention = _FLASH_ATTENTION[given.get("flash_attn", "auto")]
    params.flash_attn_type = xllamacpp.llama_flash_attn_type(attention)
    # Bits: 1 maps the file, 2 locks it in memory.
    mode = int(given.get("use_mmap", True)) + 2 * int(given.get("use_mlock", False))
    params.load_mode = xllamacpp.llama_load_mode(mode)
    if "chat_template_kwargs" in given:
        texts = {key: json.dumps(value) for key, value in given["chat_template_kwargs"].items()}
        params.default_template_kwargs = texts
    if "tensor_split" in given:
        split = list(params.tensor_split)
        split[: len(given["tensor_split"])] = given["tensor_split"]
        params.tensor_split = split
    if "seed" in given:
        params.sampling.seed = given["seed"]


def _set_files(params: Any, given: dict[str, Any]) -> None:
    if "mmproj" in given:
        params.mmproj.path = given["mmproj"]
    if "draft_model" in given:
        draft = params.speculative.draft
        draft.mparams.path = given["draft_model"]
        simple = xllamacpp.common_speculative_type.COMMON_SPECULATIVE_TYPE_DRAFT_SIMPLE
        params.speculative.types = [simple]
        for name in ("n_max", "n_min", "p_min"):
            if f"draft_{name}" in given:
                setattr(draft, name, given[f"draft_{name}"])
    adapters = []
    for text in given.get("lora", ()):
        path, colon, scale = text.rpartition(":")
        adapter = xllamacpp.CommonAdapterLoraInfo()
        adapter.path, adapter.scale = (path, float(scale)) if colon else (scale, 1.0)
        adapters.append(adapter)
    if adapters:
        params.lora_adapters = adapters


def _announce(order: dict[str, Any], port: int) -> None:
    """Whole or not at all: a reader must not see half an address."""
    endpoint = Path(order["endpoint_file"])
    temporary = endpoint.with_suffix(".tmp")
    temporary.write_text(f"{order['host']}:{port}", encoding="utf-8")
    temporary.replace(endpoint)


def main() -> None:
    """Serve until a signal ends the process, at once: SIGTERM keeps its default meaning, since the
    server holds the interpreter while it loads. A model that cannot be loaded ends it with 1.
    """
    order = json.loads(sys.argv[1])
    with suppress(ImportError):
        import setproctitle

        setproctitle.setproctitle(f"xinfer: llama.cpp {order['uid']}")
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # The port is ours before llama.cpp listens on it, so its 503s tell that it loads.
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind((order["host"], 0))
        port = holder.getsockname()[1]
        _announce(order, port)
        try:
            server = xllamacpp.Server(parameters(order, port))
        except RuntimeError:
            sys.exit(f"llama.cpp could not load {order['model']}; its own words are above.")
        while server:
            signal.pause()


if __name__ == "__main__":
    main()
