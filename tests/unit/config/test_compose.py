"""Files, choices, variables and overrides become one tree."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.unit.config.conftest import Compile
from tests.unit.config.fakes import FakeEngines
from xinfer.config.compose import Composed, compose
from xinfer.config.settings import environment
from xinfer.errors import Invalid

ECHO = "models:\n  chat:\n    engine: echo\n"


def composed(folder: Path, text: str, *overrides: str, name: str = "chat.yaml") -> Composed:
    (folder / name).write_text(text)
    return compose(Path(name), overrides)


def test_no_recipe_is_an_empty_local_cluster(folder: Path) -> None:
    config = compose(None).config
    assert config.models == {}
    assert (config.cluster.host, config.cluster.port) == ("127.0.0.1", 9997)
    assert set(config.engine) == set(FakeEngines().names())


def test_base_is_implied(folder: Path) -> None:
    assert composed(folder, ECHO).config == composed(folder, f"defaults: [base]\n{ECHO}").config


@pytest.mark.parametrize("name", ["base.yaml", "chat.yml", "my recipe (2)", "cluster.yaml"])
def test_a_recipe_may_have_any_name(folder: Path, name: str) -> None:
    assert list(composed(folder, f"defaults: [base]\n{ECHO}", name=name).config.models) == ["chat"]


def test_a_recipe_is_a_difference_to_the_one_beside_it(folder: Path) -> None:
    (folder / "other.yaml").write_text(
        "cluster: {port: 1}\nmodels:\n  chat:\n    engine: echo\n    replicas: 3\n"
    )
    config = composed(
        folder, "defaults: [base, other]\ncluster: {node: n}\nmodels: {chat: {replicas: 4}}\n"
    ).config
    assert (config.cluster.port, config.cluster.node) == (1, "n")
    assert (config.models["chat"].engine, config.models["chat"].replicas) == ("echo", 4)


def test_a_choice_in_the_recipe_and_one_on_the_command_line(folder: Path) -> None:
    text = f"defaults:\n  - base\n  - override cluster: lan\n{ECHO}"
    assert composed(folder, text).config.cluster.host == "0.0.0.0"
    assert composed(folder, text, "cluster=local").config.cluster.host == "127.0.0.1"
    assert composed(folder, text, "auth=open").config.auth.mode == "off"


def test_a_group_of_ones_own_stands_beside_the_recipe(folder: Path) -> None:
    (folder / "cluster").mkdir()
    (folder / "cluster" / "lab.yaml").write_text("host: 10.0.0.1\n")
    assert composed(folder, ECHO, "cluster=lab").config.cluster.host == "10.0.0.1"


def test_overrides_of_each_kind(folder: Path) -> None:
    text = f"{ECHO}    env: {{A: x}}\n  old:\n    engine: echo\n"
    config = composed(
        folder,
        text,
        "cluster.port=9998",
        "models.chat.replicas=2",
        "+models.new={engine: echo, replicas: 3}",
        "++models.chat.node=here",
        "~models.old",
        "models.chat.extra_args=[--a,'b c']",
        "~models.chat.env.A",
        "models.chat.limits.max_queue=7",
    ).config
    assert config.cluster.port == 9998
    chat = config.models["chat"]
    assert (chat.replicas, chat.node, chat.extra_args) == (2, "here", ["--a", "b c"])
    assert (chat.env, chat.limits.max_queue) == ({}, 7)
    assert {uid: one.replicas for uid, one in config.models.items()} == {"chat": 2, "new": 3}


@pytest.mark.parametrize("mark", ["", "+", "++"])
def test_open_mappings_need_no_plus(folder: Path, mark: str) -> None:
    config = composed(folder, ECHO, f"{mark}models.chat.engine_kwargs.n_ctx=8192").config
    assert config.models["chat"].engine_kwargs == {"n_ctx": 8192}


def test_names_with_dots_in_overrides(folder: Path) -> None:
    text = "models:\n  qwen2.5-0.5b:\n    engine: echo\n"
    config = composed(
        folder,
        text,
        "models.qwen2.5-0.5b.replicas=2",
        "engine.llama.cpp.env=managed",
        "engine.llama.cpp.options.n_ctx=9",
        "+models.llama3.1.engine=echo",
        "models.llama3.1.replicas=5",
        "models.llama3.1.labels.example.com/zone=a",
    ).config
    assert config.models["qwen2.5-0.5b"].replicas == 2
    assert (config.models["llama3.1"].replicas, config.models["llama3.1"].labels) == (
        5,
        {"example.com/zone": "a"},
    )
    assert config.engine["llama.cpp"].env == "managed"
    assert config.engine["llama.cpp"].options == {"n_ctx": 9}


def test_a_later_source_replaces_the_earlier_one(folder: Path) -> None:
    text = "models:\n  chat:\n    engine: echo\n    source: {huggingface: a/b, revision: main}\n"
    over = composed(folder, text, "models.chat.source.path=/x").config.models["chat"].source
    assert over is not None
    assert (over.path, over.huggingface, over.revision) == ("/x", None, None)
    same = composed(folder, text, "models.chat.source.revision=v2").config.models["chat"].source
    assert same is not None
    assert (same.huggingface, same.revision) == ("a/b", "v2")


def test_interpolations(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINFER_TEST_COUNT", "3")
    text = (
        "models:\n"
        "  a: {engine: echo, replicas: '${oc.env:XINFER_TEST_COUNT}', node: '${cluster.node}'}\n"
        "  b: {engine: echo, replicas: '${models.c.replicas}', node: '${oc.env:XINFER_NO,here}'}\n"
        "  c: {engine: echo}\n"
    )
    models = composed(folder, text).config.models
    assert (models["a"].replicas, models["a"].node) == (3, "local")
    assert (models["b"].replicas, models["b"].node) == (1, "here")


def test_null_is_kept_where_it_means_something(folder: Path) -> None:
    assert composed(folder, f"{ECHO}    n_gpu: null\n").config.models["chat"].n_gpu is None
    assert composed(folder, ECHO).config.models["chat"].n_gpu == "auto"


def test_a_section_left_empty_says_nothing(folder: Path) -> None:
    config = composed(folder, "cluster:\nmodels:\n", "cluster=lan").config
    assert (config.cluster.host, config.models) == ("0.0.0.0", {})


def test_the_log_level_of_the_environment_is_between_files_and_command_line(folder: Path) -> None:
    (folder / "chat.yaml").write_text("log: {level: error}\n")
    recipe, debug = Path("chat.yaml"), environment({"XINFER_LOG_LEVEL": "DEBUG"})
    assert compose(recipe).config.log.level == "error"
    assert compose(recipe, (), debug).config.log.level == "debug"
    assert compose(recipe, ["log.level=warning"], debug).config.log.level == "warning"
    with pytest.raises(Invalid, match=r"XINFER_LOG_LEVEL: log\.level: 'loud'"):
        compose(recipe, (), environment({"XINFER_LOG_LEVEL": "loud"}))


@pytest.mark.parametrize(("said", "mode"), [("False", "off"), ("0", "off"), ("true", "on")])
def test_the_peers_switch_for_keys_is_heeded(said: str, mode: str) -> None:
    given = environment({"XINFERENCE_AUTH_ADVANCED": said})
    assert compose(None, (), given).config.auth.mode == mode
    assert compose(None, ("auth.mode=auto",), given).config.auth.mode == "auto"
    with pytest.raises(Invalid, match=r"XINFER_AUTH_ADVANCED: auth\.mode: 'flase'"):
        compose(None, (), environment({"XINFER_AUTH_ADVANCED": "flase"}))


def test_composing_leaves_no_trace(folder: Path) -> None:
    from hydra.core.global_hydra import GlobalHydra

    handlers = list(logging.getLogger().handlers)
    composed(folder, ECHO, "cluster.port=1", "auth=open")
    assert [file.name for file in folder.iterdir()] == ["chat.yaml"]
    assert logging.getLogger().handlers == handlers
    assert not GlobalHydra.instance().is_initialized()


def test_anchors_and_merge_keys(compiled: Compile) -> None:
    models = compiled(
        "models:\n"
        "  a: &a {engine: echo, replicas: 2, env: {X: 1}}\n"
        "  b:\n    replicas: 3\n    <<: *a\n"
    ).models
    assert (models["b"].engine, models["b"].replicas, models["b"].env) == ("echo", 3, {"X": "1"})
