"""vLLM: models in the layout of Hugging Face, on Linux, many requests at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from xinfer.domain.engine import Command, Files, Habits, Launch, Traits, Verdict
from xinfer.domain.model import JsonValue, ModelKind, ModelSpec
from xinfer.domain.node import Machine
from xinfer.engines import accelerators, checkpoint, dialects, flags, vllm_options
from xinfer.engines.launch import files_for
from xinfer.errors import Invalid

_GAUGES = {
    "running": "vllm:num_requests_running",
    "waiting": "vllm:num_requests_waiting",
    "cache_usage": "vllm:kv_cache_usage_perc",
}
_NOT_FLAGS = ("cpu_kv_cache_gib", "draft_model", "num_speculative_tokens")
_FLAGS = tuple(option for option in vllm_options.OPTIONS if option.name not in _NOT_FLAGS)
_SIZES = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")
_CPU_CONTEXT = 2048
_GGUF = "GGUF files need an accelerator and the package vllm-gguf-plugin."


class Vllm:
    """vLLM's own server; its build for the processor is used where a replica has no accelerator."""

    name = "vllm"
    traits = Traits(
        kinds=(ModelKind.LLM, ModelKind.EMBEDDING, ModelKind.RERANK),
        formats=("pytorch", "gptq", "awq", "fp8", "fp4", "bnb", "gguf"),
        abilities=(
            *("chat", "generate", "embed", "rerank", "tools", "vision"),
            *("structured_output", "lora"),
        ),
        module="vllm",
        title="vLLM",
        habits=Habits(
            overhead_bytes=3 * 2**30,
            growth_on_cpu=2.0,
            context_option="max_model_len",
            share_option="gpu_memory_utilization",
            share=0.9,
        ),
        weigh=checkpoint.weigh,
        dialect=dialects.VLLM,
    )
    options = vllm_options.OPTIONS

    def supports(self, spec: ModelSpec, machine: Machine) -> Verdict:
        """Linux with NVIDIA's accelerators for every format, without one for plain weights."""
        if not accelerators.on_linux(machine):
            return Verdict(
                ok=False,
                reason=f"vLLM runs on Linux, and this machine is {machine.system}.",
                hint="Use engine mlx or llama.cpp.",
            )
        if accelerators.has_cuda(machine) and accelerators.wants_one(spec):
            return accelerators.spread(spec, _SIZES, accelerators.planned(spec))
        quantized = spec.options.get("quantization") or spec.format or "pytorch"
        if quantized == "pytorch":
            return Verdict(ok=True)
        return Verdict(
            ok=False,
            reason=f"Without an NVIDIA accelerator vLLM runs no {quantized} weights, only those "
            "that are not quantized.",
            hint="Use format pytorch, or engine llama.cpp with format gguf.",
        )

    def command(self, launch: Launch) -> Command:
        """The server's process. Raises Invalid when files or options do not fit."""
        spec = launch.spec
        verdict = self.supports(spec, launch.machine)
        if verdict.ok and launch.devices:
            verdict = accelerators.spread(spec, _SIZES, len(launch.devices))
        files = files_for(launch, verdict)
        model = checkpoint.find(spec, files)
        if model.is_file() and not launch.devices:
            raise Invalid(f"models.{spec.uid}: {_GGUF}", "Use engine llama.cpp.")
        options = {
            **(_on_accelerators(launch) if launch.devices else _on_processor(model)),
            **spec.options,
            **_named_files(spec, files),
        }
        return Command(
            argv=(
                *(launch.python, "-m", "vllm.entrypoints.openai.api_server"),
                *("--model", str(model), "--served-model-name", spec.uid),
                *("--host", launch.host, "--port", str(launch.port)),
                *(() if spec.kind is ModelKind.LLM else ("--runner", "pooling")),
                *flags.render(_FLAGS, options),
                *spec.extra_args,
            ),
            env=_environment(launch),
            slots=spec.options.get("max_num_seqs"),
            context=options.get("max_model_len") or _trained_context(model) or None,
            # It ends within a second, but not at all while a request is unanswered.
            stop_grace_s=10.0,
            gauges=_GAUGES,
        )


def _on_accelerators(launch: Launch) -> dict[str, JsonValue]:
    size = accelerators.tensor_size(launch.spec, _SIZES, len(launch.devices))
    return {"tensor_parallel_size": size}


def _on_processor(model: Path) -> dict[str, JsonValue]:
    """Compiling takes minutes and half precision is emulated there, so neither is the default."""
    chosen: dict[str, JsonValue] = {"dtype": "float32", "enforce_eager": True}
    if _trained_context(model) > _CPU_CONTEXT:
        chosen["max_model_len"] = _CPU_CONTEXT
    return chosen


def _trained_context(model: Path) -> int:
    """Tokens, as config.json has them; 0 when it does not say."""
    try:
        described = json.loads((model / "config.json").read_text(encoding="utf-8"))
        text = described.get("text_config") or described
        return int(text.get("max_position_embeddings") or 0)
    except (OSError, ValueError, AttributeError, TypeError):
        return 0


def _named_files(spec: ModelSpec, files: Files) -> dict[str, JsonValue]:
    """Options that follow from others, and those that name files, as whole paths."""
    given = spec.options
    made: dict[str, JsonValue] = {}
    for name in ("chat_template", "tokenizer", "generation_config", "allowed_local_media_path"):
        if given.get(name):
            made[name] = _path_or_text(spec, files, name)
    if given.get("lora_modules"):
        made["lora_modules"] = checkpoint.adapters(spec, files, "lora_modules")
        made["enable_lora"] = given.get("enable_lora", True)
    if given.get("tool_call_parser"):
        made["enable_auto_tool_choice"] = given.get("enable_auto_tool_choice", True)
    drafting = _drafting(spec, files)
    if drafting:
        made["speculative_config"] = drafting
    return made


def _path_or_text(spec: ModelSpec, files: Files, option: str) -> str:
    """A template may be given as it is, a tokenizer by its name, a configuration by a word."""
    given = str(spec.options[option])
    if option == "chat_template" and ("{" in given or "\n" in given):
        return given
    if option == "generation_config" and given in ("auto", "vllm"):
        return given
    if option == "tokenizer" and not (files.root / Path(given).expanduser()).exists():
        return given
    return str(checkpoint.beside(spec, files, option, given))


def _drafting(spec: ModelSpec, files: Files) -> Mapping[str, JsonValue]:
    given = spec.options
    made = dict(given.get("speculative_config") or {})
    if given.get("draft_model"):
        made["model"] = str(checkpoint.beside(spec, files, "draft_model", given["draft_model"]))
    if given.get("num_speculative_tokens"):
        made["num_speculative_tokens"] = given["num_speculative_tokens"]
    return made


def _environment(launch: Launch) -> dict[str, str]:
    """The files are here, so nothing is asked of a hub; nothing is reported to anybody either."""
    made = {
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        # A host from which media may come does not decide from which others they may.
        "VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0",
        **accelerators.visible(launch),
    }
    if not launch.devices:
        made["VLLM_CPU_KVCACHE_SPACE"] = str(launch.spec.options.get("cpu_kv_cache_gib", 1))
        # The machine is shared, and its cores may be limited by a group: bind nothing.
        made["VLLM_CPU_OMP_THREADS_BIND"] = "nobind"
        made["OMP_NUM_THREADS"] = str(launch.machine.cores)
    return made
