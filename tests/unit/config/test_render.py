"""`--print`: every value with what set it, and again a recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

from xinfer.config.compose import Composed, compose
from xinfer.config.render import render
from xinfer.config.settings import environment

TEXT = """
models:
  "on":
    engine: llama.cpp
    source:
      path: ${oc.env:XINFER_TEST_MODEL}
    engine_kwargs: {n_ctx: 4096, system: "a: b # c", list: [x, "1"], on: "true", more: {a: 1.5}}
    env:
      HF_TOKEN: hush
      EMPTY: ""
"""


def print_of(folder: Path, *overrides: str) -> tuple[Composed, str]:
    (folder / "chat.yaml").write_text(TEXT)
    composed = compose(Path("chat.yaml"), overrides, environment({"XINFER_LOG_LEVEL": "debug"}))
    return composed, render(composed)


def origin(text: str, line: str) -> str:
    found = [one for one in text.splitlines() if one.strip().startswith(line)]
    assert len(found) == 1, found
    return found[0].rpartition("# ")[2]


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINFER_TEST_MODEL", "/m.gguf")


def test_each_value_shows_its_origin(folder: Path) -> None:
    _, text = print_of(folder, "cluster.port=9998", "auth=open")
    assert origin(text, "port: 9998") == "command line: cluster.port=9998"
    assert origin(text, "level: debug") == "environment XINFER_LOG_LEVEL"
    assert origin(text, "path: /m.gguf") == "chat.yaml:6, environment XINFER_TEST_MODEL"
    assert origin(text, "n_ctx: 4096") == "chat.yaml:7"
    assert origin(text, "node_grace_s:") == "default"
    assert origin(text, 'mode: "off"').endswith("conf/auth/open.yaml:2")


def test_it_is_a_recipe_that_means_the_same(folder: Path) -> None:
    composed, text = print_of(folder)
    (folder / "again.yaml").write_text(text.replace('"***"', "hush"))
    assert compose(Path("again.yaml")).config == composed.config


def test_secrets_are_not_shown(folder: Path) -> None:
    _, text = print_of(
        folder,
        "auth.keys=[sk-1234]",
        "models.on.env={HF_TOKEN: sk-5678}",
        "store.url='postgresql://me:hunter2@db/x'",
    )
    assert "sk-1234" not in text
    assert "sk-5678" not in text
    assert "hunter2" not in text
    assert "hush" not in text
    assert "postgresql://me:***@db/x" in text
