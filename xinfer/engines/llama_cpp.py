"""llama.cpp by either of its Python packages: GGUF models on any machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xinfer.domain.engine import Command, Files, Launch, Traits, Verdict
from xinfer.domain.model import JsonValue, ModelKind, ModelSpec
from xinfer.domain.node import Machine
from xinfer.engines import fit, llama_cpp_options
from xinfer.engines.gguf import Shape, read_shape
from xinfer.errors import Invalid

_XLLAMACPP = "xllamacpp"


class LlamaCpp:
    """`binding` chooses between llama.cpp's own server and that of llama-cpp-python."""

    name = "llama.cpp"
    traits = Traits(kinds=(ModelKind.LLM, ModelKind.EMBEDDING, ModelKind.RERANK), formats=("gguf",))
    options = llama_cpp_options.OPTIONS

    def supports(self, spec: ModelSpec, machine: Machine) -> Verdict:
        """It runs on every machine; whether a model fits is known once its file is here."""
        return Verdict(ok=True)

    def estimate(self, spec: ModelSpec, files: Files, machine: Machine) -> int:
        """Bytes that one replica will take with these options on that machine."""
        shape = read_shape(_model_file(spec, files))
        return fit.memory_bytes(shape, _fit(spec, shape, machine))

    def command(self, launch: Launch) -> Command:
        """The server's process; raises Invalid when the files hold no GGUF model."""
        spec = launch.spec
        if launch.files is None:
            raise Invalid(f"models.{spec.uid}: engine 'llama.cpp' needs a GGUF file.")
        model = _model_file(spec, launch.files)
        shape = read_shape(model)
        chosen = _fit(spec, shape, launch.machine)
        if spec.options.get("binding", _XLLAMACPP) == _XLLAMACPP:
            return _xllamacpp(launch, model, chosen)
        return _llama_cpp_python(launch, model, chosen)


def _fit(spec: ModelSpec, shape: Shape, machine: Machine) -> fit.Fit:
    options = spec.options
    return fit.choose(
        shape,
        machine.memory_available_bytes,
        machine.cores,
        slots=options.get("n_parallel"),
        context=options.get("n_ctx"),
    )


def _model_file(spec: ModelSpec, files: Files) -> Path:
    """The first GGUF that is not a projector; parts of one model are found by llama.cpp itself."""
    models = [
        path
        for path in files.paths
        if path.suffix == ".gguf" and not path.name.lower().startswith("mmproj")
    ]
    if not models:
        raise Invalid(
            f"models.{spec.uid}: {files.root} has no GGUF file for llama.cpp.",
            "Choose a GGUF model, or another engine.",
            key=f"models.{spec.uid}.source",
        )
    return models[0]


def _projector(spec: ModelSpec, files: Files | None) -> str | None:
    given = spec.options.get("mmproj")
    if given != "auto":
        return given
    found = [path for path in (files.paths if files else ()) if path.name.startswith("mmproj")]
    if not found:
        raise Invalid(
            f"models.{spec.uid}.engine_kwargs.mmproj: the source has no mmproj file.",
            "Add it to source.files, or give its path.",
        )
    return str(found[0])


def _xllamacpp(launch: Launch, model: Path, chosen: fit.Fit) -> Command:
    options: dict[str, JsonValue] = {
        name: value for name, value in launch.spec.options.items() if name != "binding"
    }
    options.setdefault("n_threads", launch.machine.cores)
    options["n_parallel"], options["n_ctx"] = chosen.slots, chosen.context
    options["mmproj"] = _projector(launch.spec, launch.files)
    order: dict[str, Any] = {
        "model": str(model),
        "uid": launch.spec.uid,
        "kind": launch.spec.kind,
        "host": launch.host,
        "endpoint_file": str(launch.endpoint_file),
        "options": options,
    }
    return Command(
        argv=(launch.python, "-m", "xinfer.engines.hosts.llama_cpp", json.dumps(order)),
        announces=True,
        slots=chosen.slots,
        stop_grace_s=5.0,
    )


def _llama_cpp_python(launch: Launch, model: Path, chosen: fit.Fit) -> Command:
    spec, options = launch.spec, launch.spec.options
    unknown = sorted(set(options) - set(llama_cpp_options.PYTHON_FLAGS) - {"binding", "n_parallel"})
    if unknown:
        raise Invalid(
            f"models.{spec.uid}.engine_kwargs.{unknown[0]}: binding 'llama-cpp-python' has no"
            f" option '{unknown[0]}'.",
            "Leave it out, use extra_args, or use binding: xllamacpp.",
        )
    values: dict[str, JsonValue] = {"n_threads": launch.machine.cores, **options}
    # One sequence at a time: the whole context is for the one slot that there is.
    values["n_ctx"] = options.get("n_ctx") or chosen.context
    argv = [
        *(launch.python, "-m", "llama_cpp.server", "--model", str(model)),
        *("--model_alias", spec.uid, "--host", launch.host, "--port", str(launch.port)),
    ]
    for name, flag in llama_cpp_options.PYTHON_FLAGS.items():
        if values.get(name) is not None:
            argv += [flag, str(values[name])]
    if spec.kind is ModelKind.EMBEDDING:
        argv += ["--embedding", "true"]
    return Command(argv=(*argv, *spec.extra_args), ready_path="/v1/models", slots=1)
