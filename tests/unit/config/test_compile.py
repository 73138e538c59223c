"""The composed tree as domain values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.config.conftest import Compile, Refuse
from tests.unit.config.fakes import FakeEngines
from xinfer.config.compile import compile_recipe
from xinfer.config.compose import compose
from xinfer.domain.cluster import EngineSettings
from xinfer.domain.model import Hub, ModelKind, ModelSpec, Origin, Source
from xinfer.errors import Invalid, NotFound

FULL = """
cluster: {port: 9998, labels: {zone: a}}
gateway: {workers: 2, access_log: yes}
auth: {mode: on, keys: [k1, k2]}
engine:
  llama.cpp: {options: {n_ctx: 1024, slots: 2}}
models:
  chat:
    engine: llama.cpp
    kind: embedding
    source: {huggingface: org/repo, revision: main, files: ["*q4*.gguf"]}
    replicas: 2
    engine_kwargs: {n_ctx: "4096", mlock: yes}
    extra_args: [--verbose]
    env: {THREADS: 2, FLAG: true}
    memory: 2GiB
    limits: {max_in_flight: 8}
    restart: {max_failures: 2}
    node: local
    labels: {zone: a}
    n_gpu: 1
    gpu_idx: [0]
    launch_timeout_s: 60
    drain_timeout_s: 5
"""


def test_every_key_arrives(compiled: Compile, folder: Path) -> None:
    result = compiled(FULL)
    settings, spec = result.settings, result.models["chat"]
    assert (result.recipe, result.launcher, settings.home) == ("chat", "local", folder / "home")
    assert (settings.cluster.port, settings.cluster.labels) == (9998, {"zone": "a"})
    assert (settings.gateway.workers, settings.gateway.access_log) == (2, True)
    assert (settings.auth.mode, settings.auth.keys) == ("on", ("k1", "k2"))
    assert settings.engines["llama.cpp"].options == {"n_ctx": 1024, "n_parallel": 2}
    source = Source(hub=Hub.HUGGINGFACE, ref="org/repo", revision="main", files=("*q4*.gguf",))
    assert (spec.uid, spec.engine, spec.kind) == ("chat", "llama.cpp", ModelKind.EMBEDDING)
    assert (spec.source, spec.replicas, spec.origin) == (source, 2, Origin.RECIPE)
    assert spec.extra_args == ("--verbose",)
    assert spec.env == {"THREADS": "2", "FLAG": "true"}
    assert spec.memory_bytes == 2 * 1024**3
    assert (spec.limits.max_in_flight, spec.limits.max_queue) == (8, 512)
    assert (spec.restart.max_failures, spec.restart.backoff_s) == (2, 1.0)
    assert (spec.placement.node, spec.placement.labels) == ("local", {"zone": "a"})
    assert (spec.placement.n_gpu, spec.placement.gpu_idx) == (1, (0,))
    assert (spec.launch_timeout_s, spec.drain_timeout_s) == (60.0, 5.0)


def test_options_of_the_engine_lie_under_those_of_the_model(compiled: Compile) -> None:
    options = compiled(FULL).models["chat"].options
    assert options == {"n_ctx": 4096, "n_parallel": 2, "mlock": True}


def test_a_model_without_words_equals_the_defaults_of_the_domain(compiled: Compile) -> None:
    spec = compiled("models: {chat: {engine: echo}}\n").models["chat"]
    assert spec == ModelSpec(uid="chat", engine="echo", origin=Origin.RECIPE)


def test_settings_exist_for_every_engine(compiled: Compile) -> None:
    engines = compiled("models: {}\n", "engine=[echo]").settings.engines
    assert engines == dict.fromkeys(FakeEngines().names(), EngineSettings())


def test_short_keys_of_the_command_engine(compiled: Compile, refused: Refuse) -> None:
    text = "models:\n  any:\n    engine: command\n    command: serve --port {port}\n"
    options = compiled(f"{text}    ready: /health\n").models["any"].options
    assert options == {"command": "serve --port {port}", "ready": "/health"}
    error = refused(f"{text}    engine_kwargs: {{command: other}}\n")
    assert error.message.startswith("chat.yaml:4: models.any.command: it is given twice")


def test_paths_are_relative_to_what_says_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "recipes").mkdir()
    (folder / "recipes" / "m.gguf").touch()
    (folder / "n.gguf").touch()
    (folder / "recipes" / "chat.yaml").write_text(
        "models: {chat: {engine: llama.cpp, source: {path: ./m.gguf}}}\n"
    )

    def ref(*overrides: str) -> str:
        composed = compose(Path("recipes/chat.yaml"), overrides)
        source = compile_recipe(composed, FakeEngines(), folder).models["chat"].source
        assert source is not None
        return source.ref

    assert ref() == str(folder / "recipes" / "m.gguf")
    assert ref("models.chat.source.path=n.gguf") == str(folder / "n.gguf")
    monkeypatch.setenv("HOME", str(folder))
    assert ref("models.chat.source.path='~/n.gguf'") == str(folder / "n.gguf")


def test_paths_of_other_machines_need_not_exist_here(folder: Path) -> None:
    (folder / "chat.yaml").write_text(
        "models: {chat: {engine: llama.cpp, source: {path: /no/such.gguf}}}\n"
    )
    composed = compose(Path("chat.yaml"))
    compiled = compile_recipe(composed, FakeEngines(), folder, check_paths=False)
    assert compiled.models["chat"].source == Source(hub=Hub.PATH, ref="/no/such.gguf")


def test_a_catalog_turns_a_family_into_a_source(folder: Path) -> None:
    (folder / "chat.yaml").write_text(
        "models:\n  chat: {engine: llama.cpp, family: tiny, size: 0.5}\n"
    )

    def families(spec: ModelSpec) -> ModelSpec:
        assert (spec.family, spec.size) == ("tiny", "0.5")
        return replace(spec, source=Source(hub=Hub.PACKAGE, ref="tiny-weights"))

    def empty(spec: ModelSpec) -> ModelSpec:
        raise Invalid(f"There is no family '{spec.family}'.", "Did you mean 'tinny'?")

    composed = compose(Path("chat.yaml"))
    spec = compile_recipe(composed, FakeEngines(), folder, families).models["chat"]
    assert spec.source == Source(hub=Hub.PACKAGE, ref="tiny-weights")
    with pytest.raises(Invalid, match=r"chat.yaml:2: models.chat.family: There is no family"):
        compile_recipe(composed, FakeEngines(), folder, empty)


def test_a_missing_conf_folder_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("xinfer.config.paths._PACKAGE", tmp_path / "xinfer")
    with pytest.raises(NotFound, match="'conf'"):
        compose(None)
