"""Which variant a name and a few wishes mean, and the files of it."""

from __future__ import annotations

import pytest

from xinfer.catalog.builtin import Builtin
from xinfer.catalog.family import Family, Kind, Place, Variant
from xinfer.catalog.match import Choice, Wish, choose, plain_size, source
from xinfer.catalog.registry import Registry
from xinfer.domain.model import Hub
from xinfer.errors import NotFound

MODELSCOPE_FIRST = ("modelscope", "huggingface")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry(Builtin())


@pytest.fixture
def qwen(registry: Registry) -> Family:
    return registry.find(Kind.LLM, "qwen2.5-instruct")


def said(choice: Choice) -> tuple[str, str | None, str, str]:
    return choice.variant.format, choice.variant.size, choice.quantization, choice.hubs[0]


def test_without_wishes_the_first_variant_wins(qwen: Family) -> None:
    assert said(choose(qwen, Wish())) == ("pytorch", "0.5", "none", "huggingface")


@pytest.mark.parametrize("size", ["0_5", "0.5", 0.5, " 0.50 "])
def test_sizes_have_many_spellings(qwen: Family, size: str | float) -> None:
    wish = Wish(format="ggufv2", size=str(size), quantization="Q4_K_M")
    assert said(choose(qwen, wish)) == ("gguf", "0.5", "q4_k_m", "huggingface")
    assert plain_size(7.0) == plain_size("7") == plain_size(7) == "7"


def test_the_preferred_hub_comes_before_the_order_of_variants() -> None:
    here, there = Place(repo="a/here"), Place(repo="b/there", quantizations=("Int8", "Int4"))
    first = Variant(format="pytorch", size="1", sources={"huggingface": here})
    second = Variant(
        format="gptq",
        size="1",
        sources={"huggingface": Place(repo="a/q", quantizations=("Int4",)), "modelscope": there},
    )
    family = Family(name="x", variants=(first, second))
    assert said(choose(family, Wish())) == ("pytorch", "1", "none", "huggingface")
    assert said(choose(family, Wish(), MODELSCOPE_FIRST)) == ("gptq", "1", "Int8", "modelscope")
    wish = Wish(quantization="int4")
    assert said(choose(family, wish, MODELSCOPE_FIRST)) == ("gptq", "1", "Int4", "modelscope")
    # What the preferred hub does not have comes from the other.
    wish = Wish(format="pytorch")
    assert said(choose(family, wish, MODELSCOPE_FIRST)) == ("pytorch", "1", "none", "huggingface")


def test_only_what_the_engine_reads(qwen: Family) -> None:
    assert choose(qwen, Wish(formats=("gguf",))).variant.format == "gguf"
    with pytest.raises(NotFound, match="no variant that the engine reads: that is tensors"):
        choose(qwen, Wish(formats=("tensors",)))


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (Wish(format="ggml"), "has no format ggml; it has pytorch, gptq, awq, gguf, mlx"),
        (Wish(size="0_6"), "has no size 0.6; it has 0.5, 1.5, 3, 7, 14, 32, 72"),
        (
            Wish(format="ggufv2", size="6"),
            "no size 6 among its variants of format ggufv2; it has 0",
        ),
        (Wish(format="awq", size="7", quantization="Int8"), "no quantization int8 among its"),
    ],
)
def test_a_near_miss_names_what_there_is(qwen: Family, wish: Wish, words: str) -> None:
    with pytest.raises(NotFound) as caught:
        choose(qwen, wish)
    assert words in caught.value.message


def test_one_of_many_quantizations_gets_the_nearest(qwen: Family) -> None:
    with pytest.raises(NotFound) as caught:
        choose(qwen, Wish(format="gguf", size="7", quantization="q4_k_n"))
    assert "q4_k_m" in caught.value.message + caught.value.hint


def test_the_file_of_a_gguf_on_both_hubs(qwen: Family) -> None:
    found = source(choose(qwen, Wish(format="gguf", size="0.5", quantization="q4_k_m")))
    assert (found.hub, found.ref) == (Hub.HUGGINGFACE, "Qwen/Qwen2.5-0.5B-Instruct-GGUF")
    assert found.files == ("qwen2.5-0.5b-instruct-q4_k_m.gguf",)
    mirror = found.mirrors[0]
    assert (mirror.hub, mirror.ref) == (Hub.MODELSCOPE, "qwen/Qwen2.5-0.5B-Instruct-GGUF")
    assert mirror.files == found.files


def test_all_parts_of_a_gguf_that_is_split(registry: Registry) -> None:
    family = registry.find(Kind.LLM, "deepseek-r1")
    files = source(choose(family, Wish(format="gguf", quantization="UD-IQ1_S"))).files
    assert len(files) == 3
    assert files[1].endswith("DeepSeek-R1-UD-IQ1_S-00002-of-00003.gguf")


def test_parts_alone_say_which_quantizations_there_are(registry: Registry) -> None:
    family = registry.find(Kind.LLM, "glm-5.1")
    choice = choose(family, Wish(format="gguf"))
    assert choice.quantization in choice.place().parts
    assert len(source(choice).files) == len(choice.place().parts[choice.quantization])


def test_a_projector_comes_along_and_can_be_chosen(registry: Registry) -> None:
    family = registry.find(Kind.LLM, "gemma-3-it")
    choice = choose(family, Wish(format="gguf", size="4", quantization="Q4_K_M"))
    model, projector = source(choice).files
    assert model == "google_gemma-3-4b-it-Q4_K_M.gguf"
    assert projector == "mmproj-google_gemma-3-4b-it-f16.gguf"
    other = "mmproj-google_gemma-3-4b-it-bf16.gguf"
    assert source(choice, other).files == (model, other)
    with pytest.raises(NotFound, match="no projector") as caught:
        source(choice, "mmproj-google_gemma-3-4b-it-bf17.gguf")
    assert "Did you mean" in caught.value.hint


def test_a_mirror_without_the_projector_is_none() -> None:
    with_one = Place(repo="a/x", quantizations=("q8",), file="x.gguf", projectors=("p.gguf",))
    without = Place(repo="b/x", quantizations=("q8",), file="x.gguf")
    sources = {"huggingface": with_one, "modelscope": without}
    family = Family(name="x", variants=(Variant(format="gguf", sources=sources),))
    assert source(choose(family, Wish()), "p.gguf").mirrors == ()
    assert len(source(choose(family, Wish())).mirrors) == 1


def test_a_folder_is_left_to_the_hub_at_its_revision(registry: Registry) -> None:
    family = registry.find(Kind.EMBEDDING, "bge-base-zh-v1.5")
    found = source(choose(family, Wish(format="pytorch"), MODELSCOPE_FIRST))
    assert (found.hub, found.ref, found.revision) == (
        Hub.MODELSCOPE,
        "Xorbits/bge-base-zh-v1.5",
        "v0.0.1",
    )
    assert found.files == ()


def test_files_of_this_machine_have_no_mirrors() -> None:
    place = Place(repo="a/x", uri="/models/x", quantizations=("q8",), file="x-{quantization}.gguf")
    sources = {"huggingface": place, "modelscope": Place(repo="b/x", quantizations=("q8",))}
    family = Family(name="x", variants=(Variant(format="gguf", sources=sources),))
    found = source(choose(family, Wish()))
    assert (found.hub, found.ref, found.files) == (Hub.PATH, "/models/x", ("x-q8.gguf",))
    assert found.mirrors == ()


def test_a_family_without_files_is_refused() -> None:
    with pytest.raises(NotFound, match="does not say where"):
        choose(Family(name="x"), Wish())
    empty = Variant(format="pytorch", sources={"huggingface": Place()})
    with pytest.raises(NotFound, match="Nothing says where"):
        source(choose(Family(name="x", variants=(empty,)), Wish()))
