"""SGLang: models in the layout of Hugging Face, on Linux with NVIDIA's accelerators."""

from __future__ import annotations

from pathlib import Path

from xinfer.domain.engine import Command, Files, Habits, Launch, Traits, Verdict
from xinfer.domain.model import JsonValue, ModelKind, ModelSpec
from xinfer.domain.node import Machine
from xinfer.engines import accelerators, checkpoint, dialects, flags, sglang_options
from xinfer.engines.launch import files_for

_GAUGES = {
    "running": "sglang:num_running_reqs",
    "waiting": "sglang:num_queue_reqs",
    "cache_usage": "sglang:token_usage",
}
_SWITCHES = frozenset(option.name for option in sglang_options.OPTIONS if option.type == "bool")
_SIZES = ("tp_size", "pp_size", "dp_size")
_TEMPLATES = (".jinja", ".json")


class Sglang:
    """SGLang's own server."""

    name = "sglang"
    traits = Traits(
        kinds=(ModelKind.LLM, ModelKind.EMBEDDING),
        formats=("pytorch", "gptq", "awq", "fp8", "fp4", "bnb", "gguf"),
        abilities=(
            *("chat", "generate", "embed", "tools", "vision"),
            *("structured_output", "lora"),
        ),
        module="sglang",
        title="SGLang",
        habits=Habits(
            overhead_bytes=2 * 2**30,
            context_option="context_length",
            share_option="mem_fraction_static",
            share=0.85,
        ),
        weigh=checkpoint.weigh,
        dialect=dialects.SGLANG,
    )
    options = sglang_options.OPTIONS

    def supports(self, spec: ModelSpec, machine: Machine) -> Verdict:
        """Linux with NVIDIA's accelerators, and a model that gets some."""
        if not accelerators.on_linux(machine):
            reason = f"SGLang runs on Linux, and this machine is {machine.system}."
            return Verdict(ok=False, reason=reason, hint="Use engine mlx or llama.cpp.")
        if not accelerators.has_cuda(machine):
            reason = "SGLang needs an NVIDIA accelerator, and this machine has none."
            return Verdict(ok=False, reason=reason, hint="Use engine vllm or llama.cpp.")
        if not accelerators.wants_one(spec):
            reason = "SGLang needs an NVIDIA accelerator, and n_gpu gives the model none."
            return Verdict(ok=False, reason=reason, hint="Set n_gpu, or use engine llama.cpp.")
        return accelerators.spread(spec, _SIZES, accelerators.planned(spec))

    def command(self, launch: Launch) -> Command:
        """The server's process. Raises Invalid when files or options do not fit."""
        spec = launch.spec
        verdict = self.supports(spec, launch.machine)
        if verdict.ok:
            verdict = accelerators.spread(spec, _SIZES, len(launch.devices))
        files = files_for(launch, verdict)
        model = checkpoint.find(spec, files)
        options = {
            "tp_size": accelerators.tensor_size(spec, _SIZES, len(launch.devices)),
            **spec.options,
            **_named_files(spec, files),
        }
        return Command(
            argv=(
                *(launch.python, "-m", "sglang.launch_server"),
                *("--model-path", str(model), "--served-model-name", spec.uid),
                *("--host", launch.host, "--port", str(launch.port), "--enable-metrics"),
                *(("--is-embedding",) if spec.kind is ModelKind.EMBEDDING else ()),
                *flags.render(sglang_options.OPTIONS, options, switches=_SWITCHES),
                *spec.extra_args,
            ),
            env={"HF_HUB_OFFLINE": "1", **accelerators.visible(launch)},
            slots=spec.options.get("max_running_requests"),
            # It looks for the signal every five seconds, then lets requests end.
            stop_grace_s=20.0,
            gauges=_GAUGES,
        )


def _named_files(spec: ModelSpec, files: Files) -> dict[str, JsonValue]:
    """Options that name files, as whole paths."""
    given = spec.options
    made: dict[str, JsonValue] = {}
    draft = given.get("speculative_draft_model_path")
    if draft:
        option = "speculative_draft_model_path"
        made[option] = str(checkpoint.beside(spec, files, option, draft))
    template = str(given.get("chat_template") or "")
    if template.endswith(_TEMPLATES):
        made["chat_template"] = str(checkpoint.beside(spec, files, "chat_template", template))
    tokenizer = files.root / Path(given.get("tokenizer_path") or "").expanduser()
    if given.get("tokenizer_path") and tokenizer.exists():
        made["tokenizer_path"] = str(tokenizer)
    if given.get("lora_paths"):
        made["lora_paths"] = checkpoint.adapters(spec, files, "lora_paths")
    return made
