"""The catalog, files and downloads by every client; embeddings and rerank where they can run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.official import KINDS, connect
from tests.hub.models import REPO, write_repo
from tests.hub.server import serving
from tests.process.appliance import Appliance, wait_until
from tests.process.engines.test_sentence_transformers import FIND, MAKE_RANKER, PYTHON, python

FAMILY = {
    "version": 2,
    "model_name": "mine",
    "model_lang": ["en"],
    "model_ability": ["chat"],
    "model_family": "mine",
    "model_specs": [
        {
            "model_format": "ggufv2",
            "model_size_in_billions": "1_8",
            "quantization": "q4_0",
            "model_uri": "/weights",
            "model_file_name_template": "mine-{quantization}.gguf",
        }
    ],
}
VERSION = f"huggingface:{REPO}"
DOCUMENTS = ["cats are animals", "rain in spain", "x y z"]
SHARED = {"minilm", "ranker"}
FETCH = {"model_name": "tiny", "source": {"huggingface": REPO}}


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """Nothing runs; its hub is a server of the test."""
    folder: Path = tmp_path_factory.mktemp("other-kinds")
    write_repo(folder / "models")
    interpreter = [f"engine.sentence-transformers.env={PYTHON}"] if PYTHON else []
    with serving(folder / "models") as hub, pytest.MonkeyPatch.context() as environment:
        for name in ("HF_HOME", "HF_HUB_CACHE", "HF_TOKEN", "HF_HUB_OFFLINE"):
            environment.delenv(name, raising=False)
        environment.setenv("XDG_CACHE_HOME", str(folder / "of-others"))
        environment.setenv("HF_ENDPOINT", hub.url)
        made = Appliance(folder, "models: {}\n", *interpreter)
        try:
            made.start().wait_ready({})
            wait_until(
                "the worker has joined",
                lambda: len(made.request("GET", "/v1/cluster/info")[1] or ()) == 2,
            )
            yield made
        finally:
            made.destroy()


@pytest.fixture(params=KINDS)
def client(one: Appliance, request: pytest.FixtureRequest) -> Iterator[Any]:
    made = connect(request.param, one.url)
    yield made
    for uid in set(made.list_models()) - SHARED:
        made.terminate_model(uid)
    wait_until("what it launched is gone", lambda: set(one.models()) <= SHARED)
    made.close()


def shared(client: Any, uid: str, **asked: Any) -> Any:
    """A model that the first client launches, for all: it takes its time to load."""
    if uid not in client.list_models():
        client.launch_model(uid, model_engine="sentence-transformers", n_gpu=None, **asked)
    return client.get_model(uid)


def names(client: Any, *more: Any) -> set[str]:
    return {each["model_name"] for each in client.list_model_registrations("LLM", *more)}


def test_a_family_is_registered_read_and_forgotten(client: Any) -> None:
    assert "mine" not in names(client)
    client.register_model("LLM", json.dumps(FAMILY), True)
    assert "mine" in names(client)
    mine = client.get_model_registration("LLM", "mine")
    assert (mine["is_builtin"], mine["model_specs"][0]["quantization"]) == (False, "q4_0")
    with pytest.raises(RuntimeError, match="already"):
        client.register_model("LLM", json.dumps(FAMILY), True)
    wrong = {**FAMILY, "model_name": "wrong", "model_ability": ["smell"]}
    with pytest.raises(RuntimeError, match="model_ability"):
        client.register_model("LLM", json.dumps(wrong), False)
    client.unregister_model("LLM", "mine")
    assert "mine" not in names(client)
    with pytest.raises(RuntimeError, match="no LLM model 'mine'"):
        client.get_model_registration("LLM", "mine")
    with pytest.raises(RuntimeError, match="no model type 'smell'"):
        client.list_model_registrations("smell")


def test_every_type_has_families(client: Any) -> None:
    for kind in ("LLM", "embedding", "rerank"):
        families = client.list_model_registrations(kind)
        assert families, kind
        assert all(each["is_builtin"] for each in families)


def test_engines_are_asked_by_the_name_of_a_model(client: Any) -> None:
    found = client.query_engine_by_model_name("qwen2.5-instruct")
    (first, *_) = found["llama.cpp"]
    assert first["model_format"] == "ggufv2"
    assert "q4_k_m" in first["quantizations"]
    assert client.query_engine_by_model_name("qwen2.5-instruct", None) == found
    embedding = client.query_engine_by_model_name("bge-small-en-v1.5", model_type="embedding")
    assert "sentence_transformers" in {name.replace("-", "_") for name in embedding}
    assert client.query_engine_by_model_name("nobody") is None
    assert {"chat", "generate"} <= set(client.vllm_models())


def test_files_are_listed_and_removed(client: Any, one: Appliance) -> None:
    assert client.list_cached_models(model_name=REPO) == []
    status, download = one.request("POST", "/v1/cache/models", FETCH)
    assert (status, download["status"]) == (200, "done")
    (kept,) = client.list_cached_models(model_name=REPO)
    assert kept["model_version"] == VERSION
    assert kept["size_bytes"] >= download["total_bytes"] > 0
    files = client.list_deletable_models(VERSION)["paths"]
    assert {Path(each).name for each in files} >= {"config.json", "model.safetensors"}
    assert all(Path(each).exists() for each in files)
    assert client.confirm_and_remove_model(VERSION) is True
    assert not any(Path(each).exists() for each in files)
    with pytest.raises(RuntimeError, match="No node keeps files"):
        client.confirm_and_remove_model(VERSION)
    with pytest.raises(RuntimeError, match="No node keeps files"):
        client.list_deletable_models(VERSION)
    one.request("DELETE", f"/v1/downloads/{download['cache_uid']}")


@pytest.mark.parametrize("client", ["ours", "ours async"], indirect=True)
def test_files_are_fetched_without_a_launch(client: Any) -> None:
    begun = client.cache_model(**FETCH, cache_uid="d", wait_ready=False)
    assert begun["cache_uid"] == "d"
    done = wait_until(
        "it is fetched",
        lambda: (now := client.get_cache_model_progress("d"))["status"] == "done" and now,
    )
    assert (done["progress"], done["downloaded_bytes"]) == (1.0, done["total_bytes"])
    assert "d" in {each["cache_uid"] for each in client.list_downloads()}
    for ended in (client.cancel_cache_model, client.pause_download, client.resume_download):
        with pytest.raises(RuntimeError) as refused:
            ended("d")
        assert refused.value.status == 409
    client.forget_download("d")
    with pytest.raises(RuntimeError) as refused:
        client.get_cache_model_progress("d")
    assert refused.value.status == 404
    assert client.confirm_and_remove_model(VERSION) is True


@pytest.mark.parametrize("client", ["ours", "ours async"], indirect=True)
def test_what_the_catalog_lists(client: Any) -> None:
    detailed = client.list_model_registrations("LLM", detailed=True)
    qwen = next(each for each in detailed if each["model_name"] == "qwen2.5-instruct")
    assert qwen["model_specs"]
    versions = client.get_model_versions("LLM", "qwen2.5-instruct")
    gguf = next(each for each in versions if each["model_format"] == "ggufv2")
    uid = client.launch_model_version("v", gguf["model_version"], "echo")
    assert client.describe_model(uid)["quantization"] == gguf["quantization"]
    assert "qwen2.5-instruct" in client.list_families()["chat"]
    assert "chat_template" in client.list_prompts()["qwen2.5-instruct"]


@pytest.fixture(scope="module")
def minilm() -> str:
    return python(FIND) + "/model"


@pytest.fixture(scope="module")
def ranker(tmp_path_factory: pytest.TempPathFactory, minilm: str) -> str:
    folder = tmp_path_factory.mktemp("ranker")
    python(MAKE_RANKER, str(Path(minilm).parent), str(folder))
    return str(folder)


@pytest.mark.engines
@pytest.mark.timeout(600)
@pytest.mark.skipif(
    not PYTHON, reason="XINFER_TEST_SENTENCE_TRANSFORMERS names no interpreter with it"
)
class TestEmbeddingsAndRerank:
    def test_texts_become_vectors(self, client: Any, minilm: str) -> None:
        handle = shared(client, "minilm", model_type="embedding", model_path=minilm)
        assert client.describe_model("minilm")["model_type"] == "embedding"
        assert type(getattr(handle, "_inner", handle)).__name__.endswith("EmbeddingModelHandle")
        reply = handle.create_embedding(["a cat", "a dog", "the stock market"])
        assert [each["index"] for each in reply["data"]] == [0, 1, 2]
        cat, dog, market = (each["embedding"] for each in reply["data"])
        assert len(cat) == 384
        assert dot(cat, dog) > dot(cat, market)
        assert reply["usage"]["total_tokens"] > 0
        alone = handle.create_embedding("a cat")["data"][0]["embedding"]
        assert dot(alone, cat) == pytest.approx(1.0, abs=1e-3)
        assert len(handle.create_embedding("a cat", dimensions=8)["data"][0]["embedding"]) == 8
        with pytest.raises(RuntimeError, match="input"):
            handle.create_embedding([])
        assert handle.convert_ids_to_tokens([7592, 2088]) == ["hello", "world"]
        with pytest.raises(RuntimeError, match="dense vectors only"):
            handle.create_embedding("a cat", return_sparse=True)

    def test_documents_are_ordered(self, client: Any, ranker: str) -> None:
        handle = shared(client, "ranker", model_type="rerank", model_path=ranker)
        assert type(getattr(handle, "_inner", handle)).__name__.endswith("RerankModelHandle")
        found = handle.rerank(DOCUMENTS, "cats", return_documents=True)["results"]
        scores = [each["relevance_score"] for each in found]
        assert scores == sorted(scores, reverse=True)
        assert {each["document"]["text"] for each in found} == set(DOCUMENTS)
        (best,) = handle.rerank(DOCUMENTS, "cats", top_n=1)["results"]
        assert best["index"] == found[0]["index"]
        counted = handle.rerank(DOCUMENTS, "cats", return_len=True)
        assert counted["meta"]["tokens"]["input_tokens"] > 0


def dot(left: list[float], right: list[float]) -> float:
    return sum(one * other for one, other in zip(left, right, strict=True))
