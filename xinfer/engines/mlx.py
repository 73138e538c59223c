"""MLX: models on Apple silicon, by mlx-lm's own server."""

from __future__ import annotations

from xinfer.domain.engine import Command, Habits, Launch, Traits, Verdict
from xinfer.domain.model import JsonValue, ModelKind, ModelSpec
from xinfer.domain.node import Machine
from xinfer.engines import accelerators, checkpoint, dialects, flags, mlx_options
from xinfer.engines.launch import files_for

_FOLDERS = ("adapter_path", "draft_model")
_SERVED = "default_model"
"""What the server calls the model that it was started with."""


class Mlx:
    """`mlx_lm server`; on Linux it computes on the processor, slowly, for trials."""

    name = "mlx"
    traits = Traits(
        kinds=(ModelKind.LLM,),
        formats=("mlx", "pytorch"),
        abilities=("chat", "generate", "tools", "lora"),
        module="mlx_lm",
        title="MLX",
        habits=Habits(overhead_bytes=2**28),
        weigh=checkpoint.weigh,
        dialect=dialects.MLX,
    )
    options = mlx_options.OPTIONS

    def supports(self, spec: ModelSpec, machine: Machine) -> Verdict:
        """Apple silicon, and Linux where MLX's build for the processor is installed."""
        if accelerators.on_apple_silicon(machine) or accelerators.on_linux(machine):
            return Verdict(ok=True)
        return Verdict(
            ok=False,
            reason=f"MLX runs on Apple silicon, and this is {machine.system}.",
            hint="Use engine llama.cpp.",
        )

    def command(self, launch: Launch) -> Command:
        """The server's process. Raises Invalid when files or options do not fit."""
        spec = launch.spec
        files = files_for(launch, self.supports(spec, launch.machine))
        model = checkpoint.find(spec, files)
        options: dict[str, JsonValue] = dict(spec.options)
        for name in _FOLDERS:
            if options.get(name):
                folder = checkpoint.beside(spec, files, name, str(options[name]))
                options[name] = str(folder)
        return Command(
            argv=(
                *(launch.python, "-m", "mlx_lm", "server", "--model", str(model)),
                *("--host", launch.host, "--port", str(launch.port)),
                # Otherwise any page in a browser on this machine could read its replies.
                "--allowed-origins=",
                *flags.render(self.options, options, switches=("trust_remote_code",)),
                *spec.extra_args,
            ),
            env={"HF_HUB_OFFLINE": "1"},
            served_model=_SERVED,
            slots=spec.options.get("decode_concurrency"),
            whole_by_stream=True,
            stop_grace_s=5.0,
        )
