"""What can be set for SGLang. The names are those of its flags, with underscores."""

from __future__ import annotations

from xinfer.domain.options import Option

_CAPACITY = (
    Option(
        name="context_length",
        type="int",
        doc="Context of a request, in tokens; by default the model's.",
        minimum=1,
        aliases=("max_model_len", "n_ctx", "max_context_length"),
    ),
    Option(
        name="mem_fraction_static",
        type="float",
        doc="Share of each accelerator's memory for weights and cache (0 to 1); by default SGLang "
        "chooses. Models that share one need it set for each.",
        minimum=0,
        maximum=1,
    ),
    Option(
        name="max_running_requests",
        type="int",
        doc="Requests computed at once, at most; by default as the cache allows.",
        minimum=1,
        aliases=("max_num_seqs",),
    ),
    Option(
        name="max_total_tokens",
        type="int",
        doc="Tokens in the cache, at most; by default as mem_fraction_static allows.",
        minimum=1,
    ),
    Option(
        name="chunked_prefill_size",
        type="int",
        doc="Tokens of a prompt read at once, at most; -1 = prompts are read whole.",
        minimum=-1,
    ),
    Option(
        name="max_prefill_tokens",
        type="int",
        doc="Tokens of all prompts read at once, at most.",
        default=16384,
        minimum=1,
    ),
    Option(
        name="schedule_policy",
        type="str",
        doc="Which waiting request is next, such as fcfs (first come) or lpm (longest known "
        "beginning).",
        default="fcfs",
    ),
    Option(name="page_size", type="int", doc="Tokens per page of the cache.", minimum=1),
    Option(
        name="kv_cache_dtype",
        type="str",
        doc="Type of cached keys and values, such as fp8_e5m2; auto is the model's.",
        default="auto",
    ),
    Option(
        name="disable_radix_cache",
        type="bool",
        doc="Do not keep what prompts have in common.",
        default=False,
    ),
    Option(
        name="enable_hierarchical_cache",
        type="bool",
        doc="Keep also in main memory what prompts have in common.",
        default=False,
    ),
    Option(
        name="cpu_offload_gb",
        type="int",
        doc="GiB of weights that stay in main memory.",
        default=0,
        minimum=0,
    ),
)

_SPREAD = (
    Option(
        name="tp_size",
        type="int",
        doc="Accelerators that each layer is split over; by default all that the replica gets "
        "(n_gpu).",
        minimum=1,
        aliases=("tensor_parallel_size", "tp"),
    ),
    Option(
        name="pp_size",
        type="int",
        doc="Groups of accelerators that the layers are dealt out to.",
        default=1,
        minimum=1,
        aliases=("pipeline_parallel_size", "pp"),
    ),
    Option(
        name="dp_size",
        type="int",
        doc="Copies of the model within one replica; a recipe's replicas are the plainer way.",
        default=1,
        minimum=1,
        aliases=("data_parallel_size", "dp"),
    ),
    Option(
        name="ep_size",
        type="int",
        doc="Accelerators that the experts are dealt out to, of those of tp_size.",
        default=1,
        minimum=1,
        aliases=("expert_parallel_size", "ep"),
    ),
)

_WEIGHTS = (
    Option(
        name="dtype",
        type="str",
        doc="Type that is computed in.",
        default="auto",
        choices=("auto", "half", "float16", "bfloat16", "float", "float32"),
    ),
    Option(
        name="quantization",
        type="str",
        doc="How the weights are quantized, such as awq, gptq, fp8; by default as the model says.",
    ),
    Option(
        name="load_format",
        type="str",
        doc="How the weights are read, such as safetensors, pt, gguf, dummy.",
        default="auto",
    ),
    Option(
        name="tokenizer_path",
        type="str",
        doc="Another tokenizer: a path, or a name in the cache of Hugging Face. Relative paths, "
        "here and below, count from the folder of the model's files.",
        aliases=("tokenizer",),
    ),
    Option(
        name="trust_remote_code",
        type="bool",
        doc="Run the Python files that come with the model.",
        default=False,
    ),
    Option(
        name="json_model_override_args",
        type="dict",
        doc="Values that replace those of config.json.",
        aliases=("hf_overrides",),
    ),
    Option(
        name="attention_backend",
        type="str",
        doc="Kernels of attention, such as flashinfer, fa3 or triton; by default SGLang chooses.",
    ),
    Option(
        name="sampling_backend",
        type="str",
        doc="Kernels of sampling: flashinfer or pytorch; by default SGLang chooses.",
    ),
    Option(name="moe_runner_backend", type="str", doc="Kernels of experts.", default="auto"),
    Option(
        name="disable_cuda_graph",
        type="bool",
        doc="Capture no graphs: starts sooner, computes slower.",
        default=False,
        aliases=("enforce_eager",),
    ),
    Option(
        name="enable_torch_compile",
        type="bool",
        doc="Compile the model, which takes minutes.",
        default=False,
    ),
    Option(name="random_seed", type="int", doc="Seed of sampling.", aliases=("seed",)),
)

_CHAT = (
    Option(
        name="chat_template",
        type="str",
        doc="Another template: a file of Jinja or JSON, or the name of one that SGLang brings.",
    ),
    Option(
        name="tool_call_parser",
        type="str",
        doc="How this model writes tool calls, such as qwen or llama3, or auto; tools need it.",
    ),
    Option(
        name="reasoning_parser",
        type="str",
        doc="How this model writes thoughts, such as qwen3 or deepseek-r1, or auto; without it "
        "they stay in the content.",
    ),
    Option(
        name="grammar_backend",
        type="str",
        doc="What holds replies to a schema; by default SGLang chooses.",
        choices=("xgrammar", "outlines", "llguidance", "none"),
    ),
    Option(
        name="sampling_defaults",
        type="str",
        doc="Where defaults of sampling come from: the model's generation_config.json, or those "
        "of OpenAI.",
        default="model",
        choices=("model", "openai"),
    ),
    Option(
        name="allow_auto_truncate",
        type="bool",
        doc="Cut prompts that are too long instead of refusing them.",
        default=False,
    ),
    Option(
        name="enable_multimodal",
        type="bool",
        doc="Read images where the model can; by default SGLang decides by the model.",
    ),
)

_MORE = (
    Option(
        name="enable_lora",
        type="bool",
        doc="Make room for LoRA adapters; true with lora_paths.",
    ),
    Option(
        name="lora_paths",
        type="list[str]",
        doc="LoRA adapters, each as name=path.",
        aliases=("lora_modules",),
    ),
    Option(
        name="max_lora_rank",
        type="int",
        doc="Highest rank of an adapter; by default that of lora_paths.",
        minimum=1,
    ),
    Option(
        name="max_loras_per_batch",
        type="int",
        doc="Adapters in use at once, the model without one being counted too.",
        default=8,
        minimum=1,
        aliases=("max_loras",),
    ),
    Option(
        name="lora_target_modules",
        type="list[str]",
        doc="Layers that adapters change, or all; by default those of lora_paths.",
    ),
    Option(
        name="speculative_algorithm",
        type="str",
        doc="How tokens are drafted, such as EAGLE, EAGLE3, NEXTN, STANDALONE or NGRAM.",
    ),
    Option(
        name="speculative_draft_model_path",
        type="str",
        doc="Folder of a small model of the same family, or of heads, that drafts tokens.",
        aliases=("draft_model", "speculative_model"),
    ),
    Option(name="speculative_num_steps", type="int", doc="Steps of drafting at once.", minimum=1),
    Option(name="speculative_eagle_topk", type="int", doc="Tokens tried per step.", minimum=1),
    Option(
        name="speculative_num_draft_tokens",
        type="int",
        doc="Tokens drafted at once.",
        minimum=1,
        aliases=("num_speculative_tokens",),
    ),
)

OPTIONS = (*_CAPACITY, *_SPREAD, *_WEIGHTS, *_CHAT, *_MORE)
