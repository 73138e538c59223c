"""What can be set for vLLM. The names are those of its flags, with underscores."""

from __future__ import annotations

from xinfer.domain.options import Option

_CAPACITY = (
    Option(
        name="max_model_len",
        type="int",
        doc="Context of a request, in tokens; by default the model's, and without an accelerator "
        "up to 2048.",
        minimum=1,
        aliases=("context_length", "n_ctx", "max_context_length"),
    ),
    Option(
        name="max_num_seqs",
        type="int",
        doc="Requests computed at once, at most; by default vLLM chooses by the machine.",
        minimum=1,
    ),
    Option(
        name="max_num_batched_tokens",
        type="int",
        doc="Tokens computed at once, at most; by default vLLM chooses by the machine.",
        minimum=1,
    ),
    Option(
        name="gpu_memory_utilization",
        type="float",
        doc="Share of each accelerator's memory to take (0 to 1), also of memory that others use: "
        "models that share one need it set for each.",
        default=0.92,
        minimum=0,
        maximum=1,
    ),
    Option(
        name="kv_cache_dtype",
        type="str",
        doc="Type of cached keys and values, such as fp8; auto is the model's.",
        default="auto",
    ),
    Option(
        name="cpu_kv_cache_gib",
        type="int",
        doc="GiB of main memory for the cache of a replica without an accelerator.",
        default=1,
        minimum=1,
    ),
    Option(name="block_size", type="int", doc="Tokens per block of the cache.", minimum=1),
    Option(
        name="enable_prefix_caching",
        type="bool",
        doc="Keep what prompts have in common; by default where the model allows it.",
    ),
    Option(
        name="enable_chunked_prefill",
        type="bool",
        doc="Read long prompts in pieces between other requests; by default where the model "
        "allows it.",
    ),
    Option(
        name="cpu_offload_gb",
        type="float",
        doc="GiB of weights per accelerator that stay in main memory.",
        default=0,
        minimum=0,
    ),
    Option(
        name="kv_offloading_size",
        type="float",
        doc="GiB of main memory for what the cache of the accelerators has no room for; by "
        "default none.",
        minimum=0,
    ),
)

_SPREAD = (
    Option(
        name="tensor_parallel_size",
        type="int",
        doc="Accelerators that each layer is split over; by default all that the replica gets "
        "(n_gpu).",
        minimum=1,
        aliases=("tp_size", "tp"),
    ),
    Option(
        name="pipeline_parallel_size",
        type="int",
        doc="Groups of accelerators that the layers are dealt out to.",
        default=1,
        minimum=1,
        aliases=("pp_size", "pp"),
    ),
    Option(
        name="data_parallel_size",
        type="int",
        doc="Copies of the model within one replica; a recipe's replicas are the plainer way.",
        default=1,
        minimum=1,
        aliases=("dp_size", "dp"),
    ),
    Option(
        name="enable_expert_parallel",
        type="bool",
        doc="Deal out whole experts to accelerators instead of splitting each.",
        default=False,
    ),
)

_WEIGHTS = (
    Option(
        name="dtype",
        type="str",
        doc="Type that is computed in; by default float32 without an accelerator, else auto.",
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
        doc="How the weights are read, such as safetensors, pt, dummy.",
        default="auto",
    ),
    Option(
        name="tokenizer",
        type="str",
        doc="Another tokenizer: a path, or a name in the cache of Hugging Face. Relative paths, "
        "here and below, count from the folder of the model's files.",
    ),
    Option(name="tokenizer_mode", type="str", doc="Kind of the tokenizer.", default="auto"),
    Option(
        name="trust_remote_code",
        type="bool",
        doc="Run the Python files that come with the model.",
        default=False,
    ),
    Option(name="hf_overrides", type="dict", doc="Values that replace those of config.json."),
    Option(
        name="model_impl",
        type="str",
        doc="Whose code computes the model, such as vllm or transformers.",
        default="auto",
    ),
    Option(
        name="enforce_eager",
        type="bool",
        doc="Compile nothing: starts sooner, computes slower; true without an accelerator.",
        default=False,
    ),
    Option(name="compilation_config", type="dict", doc="What is compiled and captured, as vLLM's."),
    Option(
        name="attention_backend",
        type="str",
        doc="Kernels of attention; by default vLLM chooses.",
    ),
    Option(name="seed", type="int", doc="Seed of sampling where a request gives none.", default=0),
)

_CHAT = (
    Option(
        name="chat_template",
        type="str",
        doc="Another template: Jinja text or a file of it.",
    ),
    Option(
        name="chat_template_content_format",
        type="str",
        doc="Whether the template gets a message as text or in parts.",
        default="auto",
        choices=("auto", "string", "openai"),
    ),
    Option(
        name="default_chat_template_kwargs",
        type="dict",
        doc="Values for the template, such as {enable_thinking: false}.",
        aliases=("chat_template_kwargs",),
    ),
    Option(
        name="tool_call_parser",
        type="str",
        doc="How this model writes tool calls, such as hermes, qwen3_xml, llama3_json; tools need "
        "it.",
    ),
    Option(
        name="enable_auto_tool_choice",
        type="bool",
        doc="Let the model choose whether to call a tool; true with tool_call_parser.",
    ),
    Option(
        name="reasoning_parser",
        type="str",
        doc="How this model writes thoughts, such as qwen3 or deepseek_r1; without it they stay "
        "in the content.",
    ),
    Option(
        name="structured_outputs_config",
        type="dict",
        doc="How replies are held to a schema, such as {backend: xgrammar}.",
    ),
    Option(
        name="generation_config",
        type="str",
        doc="Where defaults of sampling come from: auto is the model's generation_config.json, "
        "vllm is none, or the path of a folder.",
        default="auto",
    ),
    Option(
        name="override_generation_config",
        type="dict",
        doc="Defaults of sampling that replace those, such as {temperature: 0.2}.",
    ),
    Option(
        name="max_logprobs",
        type="int",
        doc="Log probabilities per token that a request may ask for.",
        default=20,
        minimum=-1,
    ),
)

_MORE = (
    Option(
        name="enable_lora",
        type="bool",
        doc="Make room for LoRA adapters; true with lora_modules.",
        default=False,
    ),
    Option(
        name="lora_modules",
        type="list[str]",
        doc="LoRA adapters, each as name=path.",
    ),
    Option(
        name="max_lora_rank",
        type="int",
        doc="Highest rank of an adapter.",
        default=16,
        minimum=1,
    ),
    Option(
        name="max_loras",
        type="int",
        doc="Adapters in use at once.",
        default=1,
        minimum=1,
    ),
    Option(
        name="draft_model",
        type="str",
        doc="Folder of a small model of the same family, or of heads, that drafts tokens.",
        aliases=("speculative_model",),
    ),
    Option(
        name="num_speculative_tokens",
        type="int",
        doc="Tokens drafted at once; a plain draft model needs it.",
        minimum=1,
    ),
    Option(
        name="speculative_config",
        type="dict",
        doc="How tokens are drafted, such as {method: ngram, prompt_lookup_max: 4}; the two above "
        "are put into it.",
    ),
    Option(
        name="limit_mm_per_prompt",
        type="dict",
        doc="Images, videos and sounds per request at most, such as {image: 2}.",
    ),
    Option(name="mm_processor_kwargs", type="dict", doc="Values for the processor of images."),
    Option(
        name="allowed_local_media_path",
        type="str",
        doc="Folder of the worker's machine whose files requests may name.",
    ),
    Option(
        name="pooler_config",
        type="dict",
        doc="How token vectors become an embedding or a score, such as {pooling_type: MEAN}; by "
        "default as the model says.",
    ),
)

OPTIONS = (*_CAPACITY, *_SPREAD, *_WEIGHTS, *_CHAT, *_MORE)
