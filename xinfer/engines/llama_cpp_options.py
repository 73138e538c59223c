"""Options of llama.cpp, typed and documented; names are those of its Python packages."""

from __future__ import annotations

from xinfer.domain.options import Option

_CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")

OPTIONS = (
    Option(
        name="binding",
        type="str",
        doc="Which package runs it; llama-cpp-python serves one request at a time.",
        default="xllamacpp",
        choices=("xllamacpp", "llama-cpp-python"),
    ),
    Option(
        name="n_ctx",
        type="int",
        doc="Context of each slot in tokens; by default what memory allows, up to 8192.",
        minimum=1,
        aliases=("context_length", "ctx_size"),
    ),
    Option(
        name="n_parallel",
        type="int",
        doc="Requests that run at once (slots); by default four per core if memory allows.",
        minimum=1,
        aliases=("slots", "np"),
    ),
    Option(
        name="n_threads",
        type="int",
        doc="Threads for generation; by default one per physical core.",
        minimum=1,
        aliases=("threads",),
    ),
    Option(
        name="n_threads_batch",
        type="int",
        doc="Threads for prompts; by default as n_threads.",
        minimum=1,
    ),
    Option(
        name="n_gpu_layers",
        type="int",
        doc="Layers kept on the accelerator; -1 lets llama.cpp fit as many as it can.",
        minimum=-1,
        aliases=("ngl", "gpu_layers"),
    ),
    Option(name="n_batch", type="int", doc="Tokens of a prompt per batch.", minimum=1),
    Option(name="n_ubatch", type="int", doc="Tokens per physical batch.", minimum=1),
    Option(name="chat_template", type="str", doc="Jinja text, or the path of a template file."),
    Option(name="lora", type="list[str]", doc="Paths of LoRA adapters; path=scale sets a scale."),
    Option(name="mmproj", type="str", doc='Path of the vision projector, or "auto".'),
    Option(name="draft_model", type="str", doc="GGUF file of a small model that drafts tokens."),
    Option(name="draft_n_max", type="int", doc="Tokens drafted at once at most.", minimum=1),
    Option(
        name="flash_attn",
        type="str",
        doc="Flash attention.",
        default="auto",
        choices=("auto", "on", "off"),
    ),
    Option(name="cache_type_k", type="str", doc="Type of cached keys.", choices=_CACHE_TYPES),
    Option(name="cache_type_v", type="str", doc="Type of cached values.", choices=_CACHE_TYPES),
    Option(name="kv_unified", type="bool", doc="One cache shared by all slots."),
    Option(
        name="cache_ram_mib",
        type="int",
        doc="MiB of memory for prompts of ended requests, to be reused; 0 turns it off.",
        default=256,
        minimum=0,
    ),
    Option(name="rope_freq_base", type="float", doc="RoPE base frequency."),
    Option(name="rope_freq_scale", type="float", doc="RoPE frequency scale."),
    Option(name="main_gpu", type="int", doc="Accelerator that holds small tensors.", minimum=0),
    Option(name="tensor_split", type="list[float]", doc="Share of the model per accelerator."),
    Option(name="no_kv_offload", type="bool", doc="Keep keys and values in main memory."),
    Option(name="jinja", type="bool", doc="Use the model's own chat template.", default=True),
    Option(name="warmup", type="bool", doc="Run an empty batch before serving.", default=False),
    Option(
        name="pooling",
        type="str",
        doc="How an embedding is made of token vectors.",
        choices=("none", "mean", "cls", "last", "rank"),
    ),
    Option(name="seed", type="int", doc="Seed of sampling where a request gives none."),
)

PYTHON_FLAGS = {
    "n_ctx": "--n_ctx",
    "n_threads": "--n_threads",
    "n_threads_batch": "--n_threads_batch",
    "n_gpu_layers": "--n_gpu_layers",
    "n_batch": "--n_batch",
    "n_ubatch": "--n_ubatch",
    "main_gpu": "--main_gpu",
    "rope_freq_base": "--rope_freq_base",
    "rope_freq_scale": "--rope_freq_scale",
    "seed": "--seed",
}
"""Options that the server of llama-cpp-python has too, and its flag for each."""
