"""Options of llama.cpp, typed and documented; names are those of its Python packages."""

from __future__ import annotations

from xinfer.domain.options import Option
from xinfer.engines import fit

_CACHE_TYPES = tuple(fit.BYTES)

_CAPACITY = (
    Option(
        name="binding",
        type="str",
        doc="The package that runs it; llama-cpp-python answers one request at a time.",
        default="xllamacpp",
        choices=("xllamacpp", "llama-cpp-python"),
    ),
    Option(
        name="n_ctx",
        type="int",
        doc="Context of each slot, in tokens (llama.cpp itself counts that of all slots together); "
        "by default up to 4096, as memory and the model's training allow.",
        minimum=1,
        aliases=("context_length", "ctx_size", "max_model_len"),
    ),
    Option(
        name="n_parallel",
        type="int",
        doc="Requests that run at once (slots); by default up to 4 per core and 16, as memory "
        "allows.",
        minimum=1,
        aliases=("slots", "np", "parallel"),
    ),
    Option(
        name="n_threads",
        type="int",
        doc="Threads that generate; by default one per physical core.",
        minimum=1,
        aliases=("threads",),
    ),
    Option(
        name="n_threads_batch",
        type="int",
        doc="Threads that read prompts; by default as n_threads.",
        minimum=1,
        aliases=("threads_batch",),
    ),
    Option(
        name="n_batch",
        type="int",
        doc="Tokens of prompts read at once, at most.",
        default=2048,
        minimum=1,
        aliases=("batch_size",),
    ),
    Option(
        name="n_ubatch",
        type="int",
        doc="Tokens computed at once, at most; embedding and rerank models take a text whole and "
        "get as many as n_ctx.",
        default=512,
        minimum=1,
        aliases=("ubatch_size",),
    ),
    Option(
        name="n_predict",
        type="int",
        doc="Tokens generated at most where a request sets no limit; -1 = to the end of the "
        "context.",
        default=-1,
        minimum=-1,
    ),
)

_CACHE = (
    Option(
        name="cache_type_k",
        type="str",
        doc="Type of cached keys.",
        default="f16",
        choices=_CACHE_TYPES,
        aliases=("ctk",),
    ),
    Option(
        name="cache_type_v",
        type="str",
        doc="Type of cached values; the quantized ones need flash attention.",
        default="f16",
        choices=_CACHE_TYPES,
        aliases=("ctv",),
    ),
    Option(
        name="kv_unified",
        type="bool",
        doc="One cache for all slots instead of an equal part for each: a request may take more "
        "than n_ctx while others take less.",
        default=False,
    ),
    Option(
        name="cache_ram_mib",
        type="int",
        doc="MiB of memory for prompts of ended requests, to be continued later; 0 = none.",
        default=256,
        minimum=0,
        aliases=("cache_ram",),
    ),
    Option(
        name="flash_attn",
        type="str",
        doc="Flash attention.",
        default="auto",
        choices=("auto", "on", "off"),
        aliases=("fa",),
    ),
    Option(
        name="swa_full", type="bool", doc="Keep the whole cache of sliding windows.", default=False
    ),
    Option(
        name="context_shift",
        type="bool",
        doc="Forget the beginning when the context is full, instead of ending the reply.",
        default=False,
        aliases=("ctx_shift",),
    ),
)

_PROMPT = (
    Option(
        name="jinja",
        type="bool",
        doc="Render messages with the model's own template; tools need it.",
        default=True,
        aliases=("use_jinja",),
    ),
    Option(
        name="chat_template",
        type="str",
        doc="Another template: Jinja text or a file of it; with jinja: false the name of one that "
        "llama.cpp brings.",
    ),
    Option(
        name="chat_template_kwargs",
        type="dict",
        doc="Values for the template, such as {enable_thinking: false}.",
    ),
    Option(
        name="reasoning_format",
        type="str",
        doc="Where thoughts go: none leaves them in the content, deepseek puts them in "
        "reasoning_content.",
        default="deepseek",
        choices=("auto", "none", "deepseek", "deepseek-legacy"),
    ),
    Option(name="seed", type="int", doc="Seed of sampling where a request gives none.", minimum=0),
    Option(
        name="pooling",
        type="str",
        doc="How token vectors become an embedding; by default as the file says, else mean.",
        choices=("none", "mean", "cls", "last", "rank"),
    ),
)

_FILES = (
    Option(
        name="lora",
        type="list[str]",
        doc="LoRA adapters: path, or path:scale. Relative paths, here and below, count from the "
        "folder of the model's files.",
        aliases=("lora_adapters",),
    ),
    Option(
        name="mmproj",
        type="str",
        doc="Projector of a vision or audio model: a path, or auto for the mmproj*.gguf beside the "
        "model. By default it is used when source.files brings one.",
    ),
    Option(
        name="draft_model",
        type="str",
        doc="GGUF file of a small model of the same family that drafts tokens.",
        aliases=("model_draft",),
    ),
    Option(
        name="draft_n_max", type="int", doc="Tokens drafted at once, at most.", default=3, minimum=1
    ),
    Option(name="draft_n_min", type="int", doc="Drafts shorter than this are not used.", minimum=0),
    Option(
        name="draft_p_min",
        type="float",
        doc="Drafting ends at a token less likely than this (0 to 1).",
        minimum=0,
        maximum=1,
    ),
)

_ROPE = (
    Option(
        name="rope_scaling",
        type="str",
        doc="How the context is stretched; by default as the model says.",
        choices=("none", "linear", "yarn", "longrope"),
        aliases=("rope_scaling_type",),
    ),
    Option(name="rope_freq_base", type="float", doc="Base frequency of RoPE; 0 = the model's."),
    Option(name="rope_freq_scale", type="float", doc="Frequency scale of RoPE; 0 = the model's."),
    Option(
        name="yarn_orig_ctx", type="int", doc="Context that YaRN starts from, in tokens.", minimum=0
    ),
)

_HARDWARE = (
    Option(
        name="n_gpu_layers",
        type="int",
        doc="Layers on the accelerator; -1 = as many as fit, and 0 on a model with n_gpu: null.",
        default=-1,
        minimum=-1,
        aliases=("ngl", "gpu_layers"),
    ),
    Option(
        name="split_mode",
        type="str",
        doc="How a model is spread over accelerators.",
        default="layer",
        choices=("none", "layer", "row", "tensor"),
    ),
    Option(name="tensor_split", type="list[float]", doc="Share of the model per accelerator."),
    Option(
        name="main_gpu",
        type="int",
        doc="The accelerator that is used with split_mode none.",
        default=0,
        minimum=0,
    ),
    Option(name="no_kv_offload", type="bool", doc="Keep the cache in main memory.", default=False),
    Option(
        name="use_mmap",
        type="bool",
        doc="Map the file into memory instead of reading it.",
        default=True,
        aliases=("mmap",),
    ),
    Option(
        name="use_mlock",
        type="bool",
        doc="Keep the model from being swapped out.",
        default=False,
        aliases=("mlock",),
    ),
    Option(
        name="numa",
        type="str",
        doc="Placement on machines with several memory nodes.",
        choices=("distribute", "isolate", "numactl"),
    ),
    Option(name="warmup", type="bool", doc="Run once before serving.", default=True),
)

OPTIONS = (*_CAPACITY, *_CACHE, *_PROMPT, *_FILES, *_ROPE, *_HARDWARE)
