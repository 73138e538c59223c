"""sentence-transformers: embeddings and rerank, by a small server of ours around the library."""

from __future__ import annotations

import json
from pathlib import Path

from xinfer.domain.engine import Command, Files, Habits, Launch, Traits, Verdict
from xinfer.domain.model import Footprint, JsonValue, ModelKind, ModelSpec
from xinfer.domain.node import Machine
from xinfer.domain.options import Option
from xinfer.engines import accelerators, checkpoint
from xinfer.engines.launch import files_for
from xinfer.errors import Invalid

_HOST = Path(__file__).parent / "hosts" / "embedder"
_DESCRIPTIONS = ("modules.json", "config.json")

OPTIONS = (
    Option(
        name="max_batch_size", type="int", doc="Texts computed together at most.", default=256,
        minimum=1, aliases=("batch_size",),
    ),
    Option(
        name="max_batch_tokens", type="int", default=65536, minimum=1,
        doc="Tokens of a batch at most, padding counted in.",
    ),
    Option(
        name="batch_wait_ms", type="float", default=0, minimum=0,
        doc="Milliseconds that a text waits for company when nothing is computed.",
    ),
    Option(
        name="max_length", type="int", minimum=1, aliases=("max_seq_length", "max_model_len"),
        doc="Tokens of a text that are read; by default as many as the model can.",
    ),
    Option(
        name="truncate", type="bool", default=True,
        doc="Whether longer texts are cut; if not, they are refused with status 400.",
    ),
    Option(
        name="normalize_embeddings", type="bool", default=False,
        doc="Give vectors the length 1, also where the model does not.",
    ),
    Option(name="prompt_name", type="str", doc="Prompt of the model's own that goes before texts."),
    Option(
        name="dtype", type="str", choices=("float32", "float16", "bfloat16"),
        doc="Type of the weights in memory; float32 on a processor, else as they are stored.",
        aliases=("torch_dtype",),
    ),
    Option(
        name="device", type="str", default="auto", choices=("auto", "cpu", "cuda", "mps"),
        doc="Where it runs; auto: on the accelerators of the replica, else on the processor.",
    ),
    Option(
        name="activation", type="str", choices=("sigmoid", "identity"),
        doc="What makes a score of a cross-encoder's number; by default as the model says, and a "
        "sigmoid if it says nothing and has one label.",
    ),
    Option(name="n_threads", type="int", doc="Threads that compute; by default one per core.",
           minimum=1),
    Option(name="trust_remote_code", type="bool", doc="Run code that comes with the model."),
)  # fmt: skip


def _weigh(spec: ModelSpec, files: Files) -> Footprint:
    return checkpoint.weigh_folder(spec, _folder(spec, files.root))


_ON_PROCESSOR = {
    # Threads wait spinning for the next step of a model, which comes within some microseconds, but
    # not for the next batch: then the cores are needed by whoever brings requests.
    "GOMP_SPINCOUNT": "5000",
    # glibc gives the memory of each step back to the system, and takes it again for the next one:
    # thousands of page faults for a batch, a tenth of its time and more.
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
    "MALLOC_TRIM_THRESHOLD_": str(2**28),
}


class SentenceTransformers:
    """Batches are formed over all requests that wait, see `hosts/embedder`."""

    name = "sentence-transformers"
    traits = Traits(
        kinds=(ModelKind.EMBEDDING, ModelKind.RERANK),
        formats=("pytorch",),
        abilities=("embed", "rerank"),
        module="sentence_transformers",
        title="sentence_transformers",
        habits=Habits(overhead_bytes=3 * 2**28, growth_on_cpu=2.0),
        weigh=_weigh,
    )
    options = OPTIONS

    def supports(self, spec: ModelSpec, machine: Machine) -> Verdict:
        """It runs wherever torch does."""
        if not spec.extra_args:
            return Verdict(ok=True)
        return Verdict(
            ok=False,
            reason="sentence-transformers has no command line that extra_args could go to.",
            hint="Use engine_kwargs.",
        )

    def command(self, launch: Launch) -> Command:
        """The server's process. Raises Invalid when the files are no such model."""
        spec = launch.spec
        files = files_for(launch, self.supports(spec, launch.machine))
        options: dict[str, JsonValue] = {
            "n_threads": launch.machine.cores,
            **spec.options,
            "device": _device(launch),
        }
        computing: dict[str, str] = {}
        if options["device"] == "cpu":
            options.setdefault("dtype", "float32")
            computing = _ON_PROCESSOR
        order = {
            "model": str(_folder(spec, files.root)),
            "uid": spec.uid,
            "kind": str(spec.kind),
            "host": launch.host,
            "port": 0,
            "endpoint_file": str(launch.endpoint_file),
            "options": options,
        }
        # By its path: the interpreter is mostly another one, which has nothing of ours.
        return Command(
            argv=(launch.python, "-P", str(_HOST), json.dumps(order)),
            env={
                "HF_HUB_OFFLINE": "1",
                "TRANSFORMERS_OFFLINE": "1",
                "TOKENIZERS_PARALLELISM": "false",
                **computing,
                **accelerators.visible(launch),
            },
            announces=True,
            stop_grace_s=10.0,
            gauges={
                "running": "embedder_requests_running",
                "waiting": "embedder_requests_waiting",
            },
        )


def _device(launch: Launch) -> str:
    asked = str(launch.spec.options.get("device", "auto"))
    if asked != "auto":
        return asked
    if launch.devices:
        return "cuda"
    on_apple = accelerators.on_apple_silicon(launch.machine)
    return "mps" if on_apple and accelerators.wants_one(launch.spec) else "cpu"


def _folder(spec: ModelSpec, root: Path) -> Path:
    """The folder with the model's description: `root`, or the nearest one in it."""
    for name in _DESCRIPTIONS:
        if (root / name).is_file():
            return root
        found = sorted(root.rglob(name), key=lambda path: len(path.parts))
        if found:
            return found[0].parent
    raise Invalid(
        f"models.{spec.uid}: {root} has no {' or '.join(_DESCRIPTIONS)}.",
        "Choose the folder of a model in the layout of sentence-transformers or Hugging Face.",
        key=f"models.{spec.uid}.source",
    )
