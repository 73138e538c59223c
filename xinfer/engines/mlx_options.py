"""The options of engine mlx."""

from __future__ import annotations

from xinfer.domain.options import Option

OPTIONS = (
    Option(
        name="adapter_path",
        type="str",
        doc="Folder of a LoRA adapter; relative paths count from the model's folder.",
        aliases=("lora",),
    ),
    Option(
        name="draft_model",
        type="str",
        doc="Folder of a small model of the same family that drafts tokens.",
    ),
    Option(name="num_draft_tokens", type="int", doc="Tokens drafted at once.", minimum=1),
    Option(name="max_tokens", type="int", doc="Tokens generated where a request sets no limit."),
    Option(name="temp", type="float", doc="Temperature where a request gives none.", minimum=0),
    Option(
        name="top_p",
        type="float",
        doc="Nucleus sampling where a request gives none.",
        minimum=0,
        maximum=1,
    ),
    Option(name="top_k", type="int", doc="Top-k sampling where a request gives none."),
    Option(
        name="min_p",
        type="float",
        doc="Minimum probability where a request gives none.",
        minimum=0,
        maximum=1,
    ),
    Option(name="chat_template", type="str", doc="Another chat template, as Jinja text."),
    Option(
        name="chat_template_args",
        type="dict",
        doc="Values for the chat template, such as {enable_thinking: false}.",
        aliases=("chat_template_kwargs",),
    ),
    Option(
        name="decode_concurrency",
        type="int",
        doc="Requests that generate at once.",
        minimum=1,
        aliases=("max_num_seqs",),
    ),
    Option(
        name="prompt_concurrency",
        type="int",
        doc="Requests whose prompts are read at once.",
        minimum=1,
    ),
    Option(name="prefill_step_size", type="int", doc="Tokens of a prompt read at once.", minimum=1),
    Option(
        name="prompt_cache_size", type="int", doc="Prompts kept to be continued later.", minimum=0
    ),
    Option(
        name="prompt_cache_bytes", type="int", doc="Memory for kept prompts, in bytes.", minimum=0
    ),
    Option(name="kv_bits", type="int", doc="Bits of a cached number; ends batching.", minimum=2),
    Option(name="kv_group_size", type="int", doc="Numbers that share a scale in the cache."),
    Option(
        name="quantized_kv_start", type="int", doc="Token from which on the cache is quantized."
    ),
    Option(name="trust_remote_code", type="bool", doc="Run code that comes with the tokenizer."),
    Option(
        name="log_level",
        type="str",
        doc="How much the server logs; by default INFO.",
        choices=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
    ),
)
