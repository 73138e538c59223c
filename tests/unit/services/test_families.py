"""From the name of a family to files, memory, offers and refusals, over the real catalog."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from xinfer.domain.memory import Room
from xinfer.domain.model import Hub, ModelKind, ModelSpec, Placement
from xinfer.domain.node import Device, Machine
from xinfer.domain.registration import Registration
from xinfer.engines.registry import Registry
from xinfer.errors import Invalid, NotFound
from xinfer.services.families import Families
from xinfer.services.fit import Fit
from xinfer.services.offers import Offers

GIB = 1024**3
LAPTOP = Machine(
    cores=4, memory_total_bytes=16 * GIB, memory_available_bytes=12 * GIB, system="Linux"
)
SERVER = replace(
    LAPTOP,
    devices=(Device(index=0, name="gpu", kind="cuda", total_bytes=80 * GIB, used_bytes=0),),
)
QWEN = ModelSpec(uid="qwen2.5-instruct", engine="llama.cpp", size="0.5", quantization="Q4_K_M")


class Registered:
    """Stands for the store of what users registered."""

    def __init__(self, *kept: Registration) -> None:
        self._kept = kept

    def registrations(self) -> tuple[Registration, ...]:
        return self._kept


def test_a_name_and_a_size_become_files_with_a_mirror() -> None:
    found = Families(Registry()).resolve(QWEN)
    source = found.spec.source
    assert source is not None
    assert (source.hub, source.ref) == (Hub.HUGGINGFACE, "Qwen/Qwen2.5-0.5B-Instruct-GGUF")
    assert source.files == ("qwen2.5-0.5b-instruct-q4_k_m.gguf",)
    assert [each.hub for each in source.mirrors] == [Hub.MODELSCOPE]
    assert (found.spec.family, found.spec.format) == ("qwen2.5-instruct", "gguf")
    assert found.spec.quantization == "q4_k_m"

    alone = Families(Registry()).resolve(QWEN, hub="modelscope").spec.source
    assert alone is not None
    assert (alone.hub, alone.mirrors) == (Hub.MODELSCOPE, ())


def test_the_kind_is_that_of_the_family() -> None:
    spec = ModelSpec(uid="bge-m3", engine="vllm")
    assert Families(Registry()).resolve(spec).spec.kind is ModelKind.EMBEDDING


def test_a_name_that_two_kinds_have_is_of_the_kind_that_is_asked_for() -> None:
    own = {
        "version": 2,
        "model_name": "bge-m3",
        "model_lang": ["en"],
        "model_ability": ["generate"],
        "model_family": "own",
        "model_specs": [
            {
                "model_format": "pytorch",
                "model_size_in_billions": 7,
                "quantization": "none",
                "model_id": "org/own",
            }
        ],
    }
    store = Registered(
        Registration(kind="LLM", name="bge-m3", version=1, body=json.dumps(own), at_s=0)
    )
    families = Families(Registry(), store)  # type: ignore[arg-type]
    for kind, ref in ((ModelKind.LLM, "org/own"), (ModelKind.EMBEDDING, "BAAI/bge-m3")):
        source = families.resolve(ModelSpec(uid="bge-m3", engine="vllm", kind=kind)).spec.source
        assert source is not None
        assert source.ref == ref
    # An engine that serves one of them alone leaves no doubt, or says what it does not serve.
    vectors = families.resolve(ModelSpec(uid="bge-m3", engine="sentence-transformers"))
    assert vectors.spec.kind is ModelKind.EMBEDDING
    with pytest.raises(Invalid, match="'bge-reranker-base' is a model of type rerank, which"):
        families.resolve(ModelSpec(uid="bge-reranker-base", engine="mlx"))
    # A kind that was asked for is not replaced by another.
    spec = ModelSpec(uid="bge-m3", engine="vllm", kind=ModelKind.RERANK)
    with pytest.raises(Invalid, match="'bge-m3' is a model of type embedding, not rerank"):
        Families(Registry()).resolve(spec)


@pytest.mark.parametrize(
    ("spec", "hub", "error", "words"),
    [
        (replace(QWEN, uid="qwen2.5-instrct"), None, NotFound, "Did you mean 'qwen2.5-instruct'?"),
        (replace(QWEN, size="0.6"), None, NotFound, "it has 0.5, 1.5, 3, 7, 14, 32, 72"),
        (replace(QWEN, format="mlx"), None, NotFound, "no variant that the engine reads"),
        (replace(QWEN, uid="FLUX.1-dev"), None, Invalid, "no engine for images yet"),
        (QWEN, "hugginface", Invalid, "download_hub: there is no hub 'hugginface'"),
    ],
)
def test_what_cannot_be_found_is_named_with_what_can(
    spec: ModelSpec, hub: str | None, error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as caught:
        Families(Registry()).resolve(spec, hub=hub)
    assert words in str(caught.value)


def test_a_hub_that_the_environment_names_wrongly_is_named_by_its_variable() -> None:
    with pytest.raises(Invalid, match=r"^XINFER_MODEL_SRC: there is no hub 'csghub'"):
        Families(Registry(), hub="csghub").resolve(QWEN)


def needed(spec: ModelSpec, *machines: Machine) -> float:
    families, fit = Families(Registry()), Fit(Registry())
    resolved = families.resolve(spec)
    amount = fit.needed(resolved.spec, resolved.needs, machines)
    assert amount is not None
    return amount / GIB


def test_memory_follows_quantization_context_and_the_engines_habits() -> None:
    q4, q8 = needed(QWEN, LAPTOP), needed(replace(QWEN, quantization="q8_0"), LAPTOP)
    assert 0.4 < q4 < q8 < 1.0
    assert needed(replace(QWEN, options={"n_ctx": 32768}), LAPTOP) > q4 + 0.3
    plain = ModelSpec(uid="qwen2.5-instruct", engine="vllm", size="7", format="pytorch")
    assert needed(plain, LAPTOP) > 28, "a processor computes with four bytes a weight"
    assert needed(plain, SERVER) == pytest.approx(72, abs=0.1), "vLLM takes nine tenths beforehand"
    cpu = replace(plain, placement=Placement(n_gpu=None))
    assert needed(cpu, SERVER) == needed(plain, LAPTOP)


def test_a_refusal_says_what_would_fit() -> None:
    families, fit = Families(Registry()), Fit(Registry())

    def instead(spec: ModelSpec, left: float, machine: Machine = LAPTOP) -> str:
        found = families.resolve(spec)
        return fit.alternatives(
            found.spec,
            found.family,
            [machine],
            lambda other: (other.memory_bytes or 0) <= left * GIB,
            found.needs,
        )

    large = replace(QWEN, size="14", quantization="q8_0")
    said = instead(large, 12)
    assert said.startswith("What would fit: format: gguf, size: 14, quantization: q6_k (")
    assert instead(large, 3).startswith("What would fit: format: gguf, size: 7, quantization: q2_k")
    assert "Nothing of this family fits" in instead(large, 0.1)
    assert "n_ctx: 131072" in instead(replace(QWEN, options={"n_ctx": 4_000_000}), 16)
    # Without accelerators vLLM runs none of the quantized weights that would fit.
    plain = ModelSpec(uid="qwen2.5-instruct", engine="vllm", size="72", format="pytorch")
    said = instead(plain, 16)
    assert said.startswith("What would fit: format: pytorch, size: 3, quantization: none (")
    assert "gptq" not in said
    assert "format: gptq" in instead(plain, 80, SERVER)


def test_offers_say_what_runs_here_and_why_the_rest_does_not() -> None:
    engines, machines = Registry(), [LAPTOP]
    offers = Offers(
        engines,
        Families(engines),
        Fit(engines),
        lambda: tuple(Room(machine=one) for one in machines),
    )
    here = offers.of("LLM", "qwen2.5-instruct")
    assert here is not None
    smallest = here["llama.cpp"][0]
    assert (smallest["model_format"], smallest["model_size_in_billions"]) == ("ggufv2", "0_5")
    assert set(smallest["memory_bytes"]) == set(smallest["quantizations"])
    launched = Families(engines).resolve(replace(QWEN, format="gguf", quantization="q8_0"))
    needed = Fit(engines).needed(launched.spec, launched.needs, machines)
    assert smallest["memory_bytes"]["q8_0"] == needed, "as it is when it is launched"
    assert "NVIDIA" in here["SGLang"]
    largest = here["llama.cpp"][-1]
    assert "the freest node has 16.0 GiB free" in largest["too_large"]["q8_0"]
    assert offers.of("LLM", "nobody") is None

    lacks = {"llama.cpp": "No module named 'xllamacpp'", "sglang": "No module named 'sglang'"}
    machines[0] = replace(LAPTOP, missing=lacks)
    lacking = offers.of("LLM", "qwen2.5-instruct")
    assert lacking is not None
    assert lacking["llama.cpp"] == "No module named 'xllamacpp'"
    assert "NVIDIA" in lacking["SGLang"], "to install it would not help"
    machines.clear()
    assert "no worker" in offers.of("LLM", "qwen2.5-instruct")["llama.cpp"]  # type: ignore[index]
    assert "no engine for images" in offers.of("image", "FLUX.1-dev")["llama.cpp"]  # type: ignore[index]
