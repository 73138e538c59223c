"""A bad recipe: exit status 2, one clear message with its place, and nothing started."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process.conftest import Start

CASES = {
    "unknown key": ("models:\n  a: {engin: echo}\n", ["recipe.yaml:2", "models.a.engin", "engine"]),
    "wrong type": (
        "models:\n  a: {engine: echo, replicas: many}\n",
        ["recipe.yaml:2", "models.a.replicas", "many"],
    ),
    "unknown engine": (
        "models:\n  a: {engine: lama.cpp}\n",
        ["recipe.yaml:2", "models.a.engine", "llama.cpp"],
    ),
    "unknown engine option": (
        "models:\n  a:\n    engine: echo\n    engine_kwargs: {load: 1}\n",
        ["recipe.yaml:4", "models.a.engine_kwargs.load", "load_s"],
    ),
    "missing source": (
        "models:\n  a: {engine: llama.cpp}\n",
        ["recipe.yaml:2", "models.a", "source"],
    ),
    "two sources": (
        "models:\n  a:\n    engine: llama.cpp\n    source: {package: x, path: y}\n",
        ["recipe.yaml:4", "models.a.source", "package", "path"],
    ),
    "unreadable path": (
        "models:\n  a:\n    engine: llama.cpp\n    source: {path: nowhere.gguf}\n",
        ["recipe.yaml:4", "models.a.source.path", "nowhere.gguf"],
    ),
    "yaml syntax": ("models:\n  a: {engine: echo\n  b: 1\n", ["recipe.yaml:"]),
    "duplicate uid": (
        "models:\n  a: {engine: echo}\n  a: {engine: echo}\n",
        ["recipe.yaml:3", "models.a"],
    ),
    "empty file": ("", ["recipe.yaml", "empty"]),
    "no model": (
        "models:\n  a:\n    engine: llama.cpp\n    source: {path: recipe.yaml}\n",
        ["recipe.yaml:4", "models.a.source.path", "'GGUF'"],
    ),
    "folder without a model": (
        "models:\n  a:\n    engine: llama.cpp\n    source: {path: .}\n",
        ["recipe.yaml:4", "models.a.source.path", "no GGUF file"],
    ),
    "command without port": (
        "models:\n  a: {engine: command, command: my-server}\n",
        ["recipe.yaml:2", "models.a", "{port}"],
    ),
    "foreign address": (
        "cluster: {host: 192.0.2.1}\nmodels:\n  a: {engine: echo}\n",
        ["recipe.yaml:1", "cluster.host", "192.0.2.1"],
    ),
    "store that is no URL": (
        "store: {url: somewhere}\nmodels:\n  a: {engine: echo}\n",
        ["recipe.yaml:1", "store.url", "postgresql"],
    ),
    "driver that is not there": (
        "store: {url: 'mysql+nosuchdriver://h/d'}\nmodels:\n  a: {engine: echo}\n",
        ["recipe.yaml:1", "store.url", "nosuchdriver"],
    ),
    "certificate that is not there": (
        "gateway: {tls_cert: a.pem, tls_key: b.pem}\nmodels:\n  a: {engine: echo}\n",
        ["recipe.yaml:1", "gateway.tls_cert", "a.pem"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_recipes_are_refused(appliance: Start, name: str) -> None:
    text, expected = CASES[name]
    one = appliance(text)
    done = one.run(*one.command_line())
    assert done.returncode == 2, done
    for words in expected:
        assert words in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 6
    assert not one.home.exists()
    assert one.processes() == []


def test_a_recipe_that_is_not_there_is_refused(appliance: Start, tmp_path: Path) -> None:
    one = appliance(tmp_path / "gone.yaml")
    done = one.run(*one.command_line())
    assert done.returncode == 2
    assert "gone.yaml" in done.stderr
    assert not one.home.exists()
