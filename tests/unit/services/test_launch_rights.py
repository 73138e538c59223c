"""Who may launch models does not thereby read every file or run every program."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from xinfer.domain.identity import ANONYMOUS, Principal, Scope, effective
from xinfer.domain.model import Hub, ModelSpec, Source
from xinfer.errors import Forbidden
from xinfer.services.launch_rights import LaunchRights

CLERK = Principal(id="key:1", name="clerk", scopes=effective({Scope.MODELS_WRITE}))
PLAIN = ModelSpec(uid="m", engine="echo", options={"delay_s": 1})


def at(path: Path | str) -> ModelSpec:
    return replace(PLAIN, source=Source(hub=Hub.PATH, ref=str(path)))


@pytest.mark.parametrize(
    "spec",
    [
        replace(PLAIN, engine="command"),
        replace(PLAIN, engine="Command"),
        replace(PLAIN, extra_args=("--lora", "/etc/passwd")),
        replace(PLAIN, env={"LD_PRELOAD": "/tmp/x.so"}),
        replace(PLAIN, options={"trust_remote_code": True}),
        replace(PLAIN, options={"trust-remote_code": "yes"}),
        replace(PLAIN, options={"speculative_config": {"trust_remote_code": True}}),
        replace(PLAIN, options={"speculative_config": '{"trust-remote-code": 1}'}),
        at("/etc/passwd"),
        replace(PLAIN, options={"chat_template": "/etc/passwd"}),
        replace(PLAIN, options={"lora_modules": ["sql=~/lora"]}),
        replace(PLAIN, options={"lora": ["../../etc/passwd"]}),
        replace(PLAIN, options={"lora_modules": ['{"name": "a", "path": "/etc"}']}),
        replace(PLAIN, options={"lora_modules": ['[{"name": "a", "path": "/etc"}]']}),
        replace(PLAIN, options={"speculative_config": {"model": "/etc"}}),
        replace(PLAIN, options={"tokenizer": "FILE:///etc/passwd"}),
        replace(PLAIN, source=Source(hub=Hub.PACKAGE, ref="p", files=("../*",))),
    ],
)
def test_what_reaches_beyond_models_is_for_administrators(spec: ModelSpec) -> None:
    with pytest.raises(Forbidden, match="'clerk' may not"):
        LaunchRights().check(CLERK, spec)
    LaunchRights().check(ANONYMOUS, spec)


def test_files_are_taken_from_below_the_roots_only(tmp_path: Path) -> None:
    root = tmp_path / "models"
    root.mkdir()
    (root / "link").symlink_to("/etc")
    rights = LaunchRights([str(root)])
    for inside in (root, root / "a.gguf", root / "sub" / ".." / "b.gguf"):
        rights.check(CLERK, at(inside))
    rights.check(CLERK, replace(PLAIN, options={"lora_modules": [f"sql={root}/sql"]}))
    for outside in (
        tmp_path / "models-of-others" / "a",
        root / ".." / "secret",
        root / "link" / "passwd",
        "/",
    ):
        with pytest.raises(Forbidden, match="local file or folder"):
            rights.check(CLERK, at(outside))


def test_plain_models_and_hubs_are_everybodys() -> None:
    LaunchRights().check(CLERK, PLAIN)
    LaunchRights().check(CLERK, replace(PLAIN, source=Source(hub=Hub.HUGGINGFACE, ref="a/b")))
    LaunchRights().check(CLERK, replace(PLAIN, options={"trust_remote_code": False}))
    for text in ("{% if a %}/x{% endif %}", "org/name", "a=b", "{..}", "[" * 9999):
        LaunchRights().check(CLERK, replace(PLAIN, options={"chat_template": text}))
    with pytest.raises(Forbidden, match="model 'm'"):
        LaunchRights().check(replace(CLERK, models=frozenset({"other"})), PLAIN)
