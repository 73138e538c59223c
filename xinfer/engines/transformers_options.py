"""The options of engine transformers."""

from __future__ import annotations

from xinfer.domain.options import Option

OPTIONS = (
    Option(
        name="continuous_batching",
        type="bool",
        doc="Run requests together, all sampled as the first one asked, without `stop`; by "
        "default with NVIDIA accelerators.",
    ),
    Option(
        name="dtype",
        type="str",
        doc="Type of the weights in memory; float32 on a processor, else as they are stored.",
        choices=("auto", "float32", "float16", "bfloat16"),
        aliases=("torch_dtype",),
    ),
    Option(
        name="attn_implementation",
        type="str",
        doc="Implementation of attention, such as sdpa or flash_attention_2.",
    ),
    Option(
        name="quantization",
        type="str",
        doc="Quantize while loading, by bitsandbytes.",
        choices=("bnb-4bit", "bnb-8bit"),
    ),
    Option(name="compile", type="bool", doc="Compile the model: slower to start, then faster."),
    Option(
        name="device",
        type="str",
        doc="Where it runs: auto, cpu, cuda:0 or mps; by default as accelerators were assigned.",
    ),
    Option(name="trust_remote_code", type="bool", doc="Run code that comes with the model."),
    Option(
        name="reasoning",
        type="str",
        doc="Whether models that can think do.",
        choices=("on", "off", "auto"),
    ),
    Option(
        name="chat_template_kwargs",
        type="dict",
        doc="Values for the chat template, such as {enable_thinking: false}.",
    ),
    Option(
        name="cb_block_size",
        type="int",
        doc="Tokens of one block of the cache, with continuous batching.",
        minimum=1,
    ),
    Option(
        name="cb_num_blocks",
        type="int",
        doc="Blocks of the cache, with continuous batching; by default most of the memory's worth.",
        minimum=1,
        aliases=("num_blocks",),
    ),
    Option(
        name="cb_max_batch_tokens",
        type="int",
        doc="Tokens computed in one step at most, with continuous batching.",
        minimum=1,
        aliases=("max_num_batched_tokens",),
    ),
    Option(
        name="cb_max_memory_percent",
        type="float",
        doc="Share of an accelerator's memory for the cache, 0 to 1.",
        minimum=0,
        maximum=1,
    ),
    Option(name="cb_use_cuda_graph", type="bool", doc="Use CUDA graphs with continuous batching."),
    Option(
        name="default_seed",
        type="int",
        doc="Seed of sampling where a request gives none.",
        aliases=("seed",),
    ),
    Option(
        name="log_level",
        type="str",
        doc="How much the server logs.",
        default="warning",
        choices=("debug", "info", "warning", "error"),
    ),
)
