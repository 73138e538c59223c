"""The pages that people read: schema, conf, recipes and the JSON Schema agree with each other."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.unit.config.fakes import FakeEngines
from xinfer.config import schema
from xinfer.config.compile import compile_recipe
from xinfer.config.compose import compose
from xinfer.config.jsonschema import recipe_schema, recipe_schema_text
from xinfer.config.paths import conf_dir, recipes_dir, schema_file
from xinfer.domain import cluster, model
from xinfer.engines.registry import Registry

RECIPES = sorted(recipes_dir().glob("*.yaml"))
CONF = sorted(conf_dir().rglob("*.yaml"))
MIRRORS = [
    (schema.Cluster, cluster.ClusterSettings),
    (schema.Gateway, cluster.GatewaySettings),
    (schema.Auth, cluster.AuthSettings),
    (schema.Store, cluster.StoreSettings),
    (schema.Log, cluster.LogSettings),
    (schema.Engine, cluster.EngineSettings),
    (schema.Limits, model.Limits),
    (schema.Restart, model.Restart),
]


def defaults(cls: Any) -> dict[str, Any]:
    values = dataclasses.asdict(cls())
    return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


@pytest.mark.parametrize(("ours", "domain"), MIRRORS, ids=lambda cls: cls.__name__)
def test_schema_mirrors_the_domain(ours: type, domain: type) -> None:
    declared, compiled = defaults(ours), defaults(domain)
    if ours is schema.Cluster:
        # What a recipe says of all machines becomes what this one does.
        assert (declared.pop("nodes"), declared.pop("role")) == ({}, "auto")
        assert (compiled.pop("machines"), compiled.pop("role")) == ([], "both")
    assert declared == compiled


def test_conf_files_repeat_the_defaults_of_the_schema(folder: Path) -> None:
    engines = {name: schema.Engine() for name in Registry().names()}
    assert compose(None).config == schema.Recipe(engine=engines)


@pytest.mark.parametrize("file", [*CONF, *RECIPES], ids=lambda file: file.name)
def test_files_are_short(file: Path) -> None:
    lines = file.read_text().splitlines()
    assert len(lines) < 30
    assert lines[0].startswith("# ")


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.name)
def test_recipes_say_their_command_and_schema_and_compile(
    file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command, named = file.read_text().splitlines()[:2]
    assert f"xinfer-up recipes/{file.name}" in command
    prefix = "# yaml-language-server: $schema="
    assert named.startswith(prefix)
    assert (file.parent / named.removeprefix(prefix)).resolve() == schema_file().resolve()
    (folder / "chat.gguf").touch()
    monkeypatch.setenv("MODEL", str(folder / "chat.gguf"))
    overrides = command.partition(file.name)[2].split()
    assert compile_recipe(compose(file, overrides), FakeEngines(), folder).models


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    text = recipe_schema(FakeEngines())
    jsonschema.Draft202012Validator.check_schema(text)
    return jsonschema.Draft202012Validator(text)


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.name)
def test_recipes_are_valid_for_editors(
    file: Path, validator: jsonschema.Draft202012Validator
) -> None:
    assert [
        error.message for error in validator.iter_errors(yaml.safe_load(file.read_text()))
    ] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"modles": {}},
        {"cluster": {"prot": 1}},
        {"cluster": {"port": "abc"}},
        {"log": {"level": "loud"}},
        {"models": {"chat": {"engine": "vlm"}}},
        {"models": {"chat": {"engine": "echo", "replcas": 2}}},
        {"models": {"chat": {"engine": "echo", "replicas": -1}}},
        {"models": {"chat": {"engine": "llama.cpp", "engine_kwargs": {"n_cxt": 1}}}},
        {"models": {"chat": {"engine": "llama.cpp", "engine_kwargs": {"n_ctx": "big"}}}},
        {"models": {"chat": {"engine": "echo", "command": "x"}}},
        {"models": {"chat": {"engine": "llama.cpp", "source": {"path": "a", "package": "b"}}}},
        {"models": {"chat": {"engine": "llama.cpp", "source": {}}}},
        {"engine": {"llama.cpp": {"options": {"n_cxt": 1}}}},
        {"engine": {"vlm": {}}},
        {"models": {"a b": {"engine": "echo"}}},
    ],
    ids=json.dumps,
)
def test_editors_refuse_what_we_refuse(
    wrong: dict[str, Any], validator: jsonschema.Draft202012Validator
) -> None:
    assert not validator.is_valid(wrong)


def test_editors_accept_variables_and_every_spelling(
    validator: jsonschema.Draft202012Validator,
) -> None:
    options = {"slots": 4, "n_ctx": "${oc.env:CTX,8192}", "mlock": None}
    chat = {
        "engine": "llama.cpp",
        "replicas": "${oc.env:N}",
        "source": {"path": "${oc.env:MODEL}"},
        "engine_kwargs": options,
        "memory": "2GiB",
        "n_gpu": None,
        "limits": None,
    }
    part = {"replicas": 2}
    validator.validate({"defaults": ["base", {"override auth": "open"}], "models": {"a": chat}})
    validator.validate({"defaults": ["other"], "models": {"chat": part}, "cluster": None})


def test_every_key_is_described() -> None:
    def walk(node: Any, path: str) -> None:
        for name, one in node.get("properties", {}).items():
            assert one.get("description") or "$ref" in one, f"{path}.{name}"
            walk(one, f"{path}.{name}")

    written = recipe_schema(FakeEngines())
    walk(written, "")
    walk(written["$defs"]["model"], "model")


def test_the_checked_in_schema_is_current() -> None:
    text = recipe_schema_text(Registry())
    assert schema_file().read_text(encoding="utf-8") == text, "run scripts/schema"
