"""Every option of Xinference's commands is one of ours, in each spelling and with its default."""

from __future__ import annotations

import click
import pytest

from xinfer.cli import roles
from xinfer.cli.main import VERBS, main

ENDPOINT = {"-e --endpoint": "http://127.0.0.1:9997", "-ak --api-key": ...}
MODEL = {"--model-uid": ..., "--max_tokens": 512, "--stream": True}
COMMANDS = {
    "register": {"-t --model-type": "LLM", "-f --file": ..., "-w --worker-ip": ...,
                 "-p --persist": ...},
    "unregister": {"-t --model-type": "LLM", "-n --model-name": ...},
    "registrations": {"-t --model-type": "LLM"},
    "cached": {"-n --model_name": ..., "--worker-ip": ...},
    "remove-cache": {"-n --model_version": ..., "--worker-ip": ..., "--check": False},
    "launch": {
        "-n --model-name": ..., "-t --model-type": "LLM", "-en --model-engine": ...,
        "-u --model-uid": ..., "-s --size-in-billions": ..., "-f --model-format": ...,
        "-q --quantization": ..., "--context-length": ..., "-r --replica": 1,
        "--replica-config": ..., "--n-worker": 1, "--n-gpu": "auto", "-lm --lora-modules": ...,
        "-ld --image-lora-load-kwargs": ..., "-fd --image-lora-fuse-kwargs": ...,
        "-qc --quantization-config": ..., "--worker-ip": ..., "--gpu-idx": ...,
        "--trust-remote-code": ..., "-mp --model-path": ..., "--enable-thinking": ...,
        "--enable-virtual-env --disable-virtual-env": ..., "-vp --virtual-env-package": ...,
        "--virtual-env-find-link": ..., "-ev --env": ...,
    },
    "list": {},
    "terminate": {"--model-uid": ...},
    "generate": MODEL,
    "chat": MODEL,
    "vllm-models": {},
    "login": {"--username": ..., "--password": ...},
    "engine": {"-n --model-name": ..., "-en --model-engine": ..., "-f --model-format": ...,
               "-s --model-size-in-billions": ..., "-q --quantization": ...},
    "cal-model-mem": {"-n --model-name": ..., "-s --size-in-billions": ...,
                      "-f --model-format": ..., "-q --quantization": ...,
                      "-c --context-length": ..., "--kv-cache-dtype": "16"},
    "stop-cluster": {"--check": False},
}  # fmt: skip
"""By command its options, other than those of all; `...`: with no default, or none to compare.

`--trust-remote-code` and `--enable-thinking` are on purpose not what they are there: code that
comes with a model is not run unasked, and a model thinks as it was made to.
"""
ROLES = {
    roles.local: {"--log-level": "info", "-H --host": "127.0.0.1", "-p --port": 9997,
                  "-MH --metrics-exporter-host": ..., "-mp --metrics-exporter-port": ...},
    roles.supervisor: {"--log-level": "info", "-H --host": "0.0.0.0", "-p --port": 9997,
                       "--supervisor-port": ...},
    roles.worker: {"--log-level": "info", "-e --endpoint": ..., "-H --host": ...,
                   "--worker-port": ..., "-MH --metrics-exporter-host": ...,
                   "--metrics-exporter-port": ..., "--replace-worker": ...},
}  # fmt: skip


def check(command: click.Command, wanted: dict[str, object]) -> None:
    options = [one for one in command.params if isinstance(one, click.Option)]
    for spellings, default in wanted.items():
        words = set(spellings.split())
        found = [one for one in options if words <= {*one.opts, *one.secondary_opts}]
        assert len(found) == 1, f"{command.name} {spellings}"
        if default is not ...:
            assert found[0].get_default(click.Context(command)) == default, spellings


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_takes_what_the_peers_takes(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    alone = name == "cal-model-mem"
    check(command, COMMANDS[name] if alone else COMMANDS[name] | ENDPOINT)  # type: ignore[operator]


@pytest.mark.parametrize("role", ROLES, ids=lambda role: str(role.name))
def test_a_role_takes_what_the_peers_takes(role: click.Command) -> None:
    check(role, ROLES[role])  # type: ignore[arg-type]


def test_all_its_commands_are_there_and_the_program_takes_its_options() -> None:
    assert set(COMMANDS) <= set(VERBS)
    check(main, {"-v --version": ..., "--log-level": ..., "-H --host": ..., "-p --port": ...})
