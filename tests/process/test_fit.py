"""Files of one's own, weighed and looked at before an engine is started on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.process.appliance import Appliance, wait_until
from tests.unit.engines.gguf_file import LLAMA, write_gguf


def nodes(one: Appliance) -> list[dict[str, Any]]:
    status, reply = one.request("GET", "/v1/cluster/info?detailed=true")
    return list(reply) if status == 200 else []


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """An installation without models."""
    appliance = Appliance(tmp_path_factory.mktemp("fit"), "defaults: [base]\n")
    appliance.start()
    try:
        wait_until("the node", lambda: len(nodes(appliance)) > 1)
        yield appliance
    finally:
        appliance.destroy()


def test_a_file_that_is_no_model_is_named_with_what_is_wrong(
    one: Appliance, tmp_path: Path
) -> None:
    poem = tmp_path / "poem.gguf"
    poem.write_text("A rose is a rose.")
    said = f"failed while starting: {poem} is not a usable GGUF model: it does not begin with"
    asked = {"model_name": "p", "model_uid": "p", "model_engine": "llama.cpp"}
    status, reply = one.request("POST", "/v1/models", {**asked, "model_path": str(poem)})
    assert status == 503
    assert said in reply["detail"]
    done = one.run("xinfer", "launch", "-u", "poem", "-en", "llama.cpp", "-mp", str(poem))
    assert done.returncode == 1
    assert said in done.stderr
    assert "launch it again" in done.stderr
    assert "env" not in done.stderr
    recipe = f"+models.p={{engine: llama.cpp, source: {{path: {poem}}}}}"
    done = one.run(*one.command_line(recipe))
    assert done.returncode == 2
    assert f"{poem} is not a usable GGUF model" in done.stderr


def test_a_file_that_finds_no_room_is_refused_before_it_is_loaded(
    one: Appliance, tmp_path: Path
) -> None:
    wide = {**LLAMA, "llama.attention.key_length": 4096, "llama.attention.value_length": 4096}
    own = write_gguf(tmp_path / "own.gguf", wide)
    asked = {"model_name": "own", "model_engine": "llama.cpp", "model_path": str(own)}
    status, reply = one.request("POST", "/v1/models", {**asked, "n_ctx": 2**27})
    assert status == 503
    for words in ("needs 16384", "GiB memory free (other programs hold", "What would fit: n_ctx: "):
        assert words in reply["detail"]
    kwargs = "engine_kwargs: {n_ctx: 134217728}"
    recipe = f"+models.own={{engine: llama.cpp, source: {{path: {own}}}, {kwargs}}}"
    done = one.run(*one.command_line(recipe))
    assert done.returncode == 1
    for words in ("No node can take", "other programs hold", "What would fit: n_ctx: "):
        assert words in done.stdout
    node = nodes(one)[1]
    assert 0 < node["mem_free"] <= node["mem_total"] - node["mem_held"]
