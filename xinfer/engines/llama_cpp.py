"""llama.cpp by either of its Python packages: GGUF models on any machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xinfer.domain.engine import Command, Files, Habits, Launch, Traits, Verdict
from xinfer.domain.memory import gib
from xinfer.domain.model import Footprint, JsonValue, ModelKind, ModelSpec
from xinfer.domain.node import Machine
from xinfer.engines import dialects, fit, llama_cpp_files, llama_cpp_options, llama_cpp_python
from xinfer.engines.gguf import Shape, read_shape
from xinfer.engines.launch import files_for
from xinfer.engines.llama_cpp_files import Weights
from xinfer.errors import NoCapacity

_HOST = Path(__file__).parent / "hosts" / "llama_cpp.py"
_GAUGES = {"running": "llamacpp:requests_processing", "waiting": "llamacpp:requests_deferred"}
_READS_WHOLE_TEXTS = (ModelKind.EMBEDDING, ModelKind.RERANK)


def _weigh(spec: ModelSpec, files: Files) -> Footprint:
    weights = llama_cpp_files.find(spec, files)
    token_bytes = fit.token_bytes(read_shape(weights.model), spec.options)
    return Footprint(weights_bytes=weights.size_bytes, token_bytes=token_bytes)


class LlamaCpp:
    """`binding` chooses between llama.cpp's own server and that of llama-cpp-python."""

    name = "llama.cpp"
    traits = Traits(
        kinds=(ModelKind.LLM, ModelKind.EMBEDDING, ModelKind.RERANK),
        formats=("gguf",),
        abilities=(
            *("chat", "generate", "embed", "rerank", "tools", "vision"),
            *("structured_output", "lora"),
        ),
        module="xllamacpp|llama_cpp",
        habits=Habits(overhead_bytes=96 * 2**20, context_option="n_ctx", slots_option="n_parallel"),
        weigh=_weigh,
        dialect=dialects.LLAMA_CPP,
    )
    options = llama_cpp_options.OPTIONS

    def supports(self, spec: ModelSpec, machine: Machine) -> Verdict:
        """It runs on every machine; whether a model fits is known once its file is here."""
        if not _by_python(spec):
            if not spec.extra_args:
                return Verdict(ok=True)
            return Verdict(
                ok=False,
                reason="llama.cpp has no command line here, so extra_args cannot be given to it.",
                hint="Use engine_kwargs.",
            )
        name = llama_cpp_python.refusal(spec.options)
        if not name and spec.kind is not ModelKind.RERANK:
            return Verdict(ok=True)
        what = f"{name}: {spec.options[name]!r}" if name else "models of kind rerank"
        return Verdict(
            ok=False,
            reason=f"The binding llama-cpp-python does not have {what}.",
            hint="Leave it out, or use binding: xllamacpp.",
        )

    def command(self, launch: Launch) -> Command:
        """The server's process. Raises Invalid when files or options do not fit, NoCapacity when
        the context that was asked for can never fit into this machine.
        """
        spec = launch.spec
        files = files_for(launch, self.supports(spec, launch.machine))
        weights = llama_cpp_files.find(spec, files)
        shape = read_shape(weights.model)
        chosen = _fit(spec, shape, weights, launch.machine)
        _check_room(spec, shape, chosen, launch.machine)
        if _by_python(spec):
            return _llama_cpp_python(launch, weights, chosen)
        return _xllamacpp(launch, weights, shape, chosen)


def _by_python(spec: ModelSpec) -> bool:
    return bool(spec.options.get("binding") == "llama-cpp-python")


def _on_accelerator(spec: ModelSpec, machine: Machine) -> bool:
    wanted = spec.placement.n_gpu is not None and spec.options.get("n_gpu_layers") != 0
    return wanted and bool(machine.devices)


def _fit(spec: ModelSpec, shape: Shape, weights: Weights, machine: Machine) -> fit.Fit:
    options = spec.options
    free = machine.memory_available_bytes
    if _on_accelerator(spec, machine):
        free = max(device.total_bytes - device.used_bytes for device in machine.devices)
    budget = fit.budget_bytes(weights.size_bytes, free)
    return fit.choose(
        budget // fit.token_bytes(shape, options),
        shape.trained_context,
        machine.cores,
        slots=1 if _by_python(spec) else options.get("n_parallel"),
        context=options.get("n_ctx"),
    )


def _check_room(spec: ModelSpec, shape: Shape, chosen: fit.Fit, machine: Machine) -> None:
    """Weights may be left on disk and mapped, but the cache is written to as a whole."""
    tokens = chosen.slots * chosen.context
    need = tokens * fit.token_bytes(shape, spec.options)
    have = machine.memory_total_bytes
    if not _on_accelerator(spec, machine) and need > have:
        raise NoCapacity(
            f"models.{spec.uid}: a context of {chosen.slots} x {chosen.context} tokens takes"
            f" {gib(need)}, and the machine has {gib(have)}.",
            "Choose a smaller n_ctx or n_parallel, or a smaller cache_type_k and cache_type_v.",
        )


def _xllamacpp(launch: Launch, weights: Weights, shape: Shape, chosen: fit.Fit) -> Command:
    spec, machine = launch.spec, launch.machine
    options: dict[str, JsonValue] = {
        "n_threads": machine.cores,
        **spec.options,
        **weights.options,
        "n_parallel": chosen.slots,
        "n_ctx": chosen.context,
    }
    options.pop("binding", None)
    if spec.kind in _READS_WHOLE_TEXTS:
        options.setdefault("n_batch", chosen.context)
        options.setdefault("n_ubatch", options["n_batch"])
    if spec.kind is ModelKind.EMBEDDING and not shape.pools:
        options.setdefault("pooling", "mean")
    if spec.placement.n_gpu is None:
        options["n_gpu_layers"] = 0
    order: dict[str, Any] = {
        "model": str(weights.model),
        "uid": spec.uid,
        "kind": spec.kind,
        "host": launch.host,
        "endpoint_file": str(launch.endpoint_file),
        "fit_layers": bool(launch.devices) and "n_gpu_layers" not in options,
        "options": options,
    }
    # By its path: the interpreter may be another one, which has xllamacpp but nothing of ours.
    return Command(
        argv=(launch.python, "-P", str(_HOST), json.dumps(order)),
        env=_visible(launch),
        announces=True,
        slots=chosen.slots,
        context=chosen.context,
        gauges=_GAUGES,
        whole_by_stream=spec.kind is ModelKind.LLM,
        stop_grace_s=5.0,
    )


def _llama_cpp_python(launch: Launch, weights: Weights, chosen: fit.Fit) -> Command:
    spec = launch.spec
    options = {
        "n_threads": launch.machine.cores,
        "n_threads_batch": launch.machine.cores,
        **spec.options,
        **weights.options,
        "n_ctx": chosen.context,
    }
    if launch.devices:
        options.setdefault("n_gpu_layers", -1)
    argv = [
        *(launch.python, "-m", "llama_cpp.server", "--model", str(weights.model)),
        *("--model_alias", spec.uid, "--host", launch.host, "--port", str(launch.port)),
        *llama_cpp_python.flags(options),
    ]
    if spec.kind is ModelKind.EMBEDDING:
        argv += ["--embedding", "true"]
    return Command(
        argv=(*argv, *spec.extra_args),
        env=_visible(launch),
        ready_path="/v1/models",
        slots=1,
        context=chosen.context,
        stop_grace_s=5.0,
    )


def _visible(launch: Launch) -> dict[str, str]:
    """The accelerators of this replica alone; none at all when it was given none."""
    if not any(device.kind == "cuda" for device in launch.machine.devices):
        return {}
    return {"CUDA_VISIBLE_DEVICES": ",".join(map(str, launch.devices))}
