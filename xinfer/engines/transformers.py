"""Transformers: models in the layout of Hugging Face, by the library they were written with."""

from __future__ import annotations

from xinfer.domain.engine import Command, Habits, Launch, Traits, Verdict
from xinfer.domain.model import JsonValue, ModelKind, ModelSpec
from xinfer.domain.node import Machine
from xinfer.engines import accelerators, checkpoint, dialects, flags, transformers_options
from xinfer.engines.launch import files_for

_PLAIN = ("pytorch",)


class Transformers:
    """`transformers serve`, which names the model by its path."""

    name = "transformers"
    traits = Traits(
        kinds=(ModelKind.LLM,),
        formats=("pytorch", "gptq", "awq", "fp8", "bnb"),
        abilities=("chat", "generate", "tools", "vision"),
        module="transformers",
        title="Transformers",
        habits=Habits(overhead_bytes=2**29, growth_on_cpu=2.0),
        weigh=checkpoint.weigh,
        dialect=dialects.TRANSFORMERS,
    )
    options = transformers_options.OPTIONS

    def supports(self, spec: ModelSpec, machine: Machine) -> Verdict:
        """Plain weights everywhere, quantized ones with NVIDIA's accelerators."""
        has_cuda = accelerators.has_cuda(machine) and accelerators.wants_one(spec)
        quantized = spec.options.get("quantization") or spec.format or "pytorch"
        if has_cuda or quantized in _PLAIN:
            return Verdict(ok=True)
        return Verdict(
            ok=False,
            reason=f"Without an NVIDIA accelerator Transformers runs no {quantized} weights, only "
            "those that are not quantized.",
            hint="Use format pytorch, or engine llama.cpp with format gguf.",
        )

    def command(self, launch: Launch) -> Command:
        """The server's process. Raises Invalid when files or options do not fit."""
        spec = launch.spec
        files = files_for(launch, self.supports(spec, launch.machine))
        model = checkpoint.find(spec, files)
        options: dict[str, JsonValue] = {**_by_machine(launch), **spec.options}
        return Command(
            argv=(
                *(launch.python, "-m", "transformers.cli.transformers", "serve", str(model)),
                *("--host", launch.host, "--port", str(launch.port)),
                *flags.render(self.options, options),
                *spec.extra_args,
            ),
            env=_environment(launch),
            served_model=str(model),
            slots=None if options["continuous_batching"] else 1,
            whole_by_stream=True,
            stop_grace_s=10.0,
        )


def _by_machine(launch: Launch) -> dict[str, JsonValue]:
    """Half precision is emulated by most processors, and slow there. The cache of continuous
    batching takes more than half of the main memory, which others need.
    """
    if launch.devices:
        return {"device": "auto", "dtype": "auto", "continuous_batching": True}
    if accelerators.on_apple_silicon(launch.machine) and accelerators.wants_one(launch.spec):
        return {"device": "mps", "dtype": "auto", "continuous_batching": False}
    return {"device": "cpu", "dtype": "float32", "continuous_batching": False}


def _environment(launch: Launch) -> dict[str, str]:
    """The files are here, so nothing is asked of a hub."""
    made = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", **accelerators.visible(launch)}
    if not launch.devices:
        made["OMP_NUM_THREADS"] = str(launch.machine.cores)
    return made
