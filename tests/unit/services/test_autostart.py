"""Desired models as launches that can be sent back, secrets kept but not shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.services.conftest import House
from xinfer.api.schemas import autostart, launch
from xinfer.domain.model import Hub, Limits, ModelKind, ModelSpec, Placement, Restart, Source
from xinfer.errors import Invalid
from xinfer.services.autostart import Autostart, launch_of

RICH = ModelSpec(
    uid="m",
    engine="paper",
    kind=ModelKind.EMBEDDING,
    source=Source(hub=Hub.HUGGINGFACE, ref="a/b", revision="v1", files=("*.gguf",)),
    family="fine",
    format="gguf",
    size="0.5",
    quantization="q4",
    replicas=3,
    options={"n_ctx": 8, "hub_token": "hush"},
    extra_args=("--x",),
    env={"KEY": "hush"},
    memory_bytes=1000,
    limits=Limits(max_in_flight=2),
    placement=Placement(node="a", n_gpu=None, gpu_idx=(0, 1)),
)


@pytest.mark.parametrize(
    "spec",
    [
        RICH,
        ModelSpec(uid="m", engine="free"),
        replace(RICH, source=Source(hub=Hub.PATH, ref="/weights"), env={}, options={}),
    ],
)
def test_a_launch_that_is_shown_declares_the_same_model(spec: ModelSpec) -> None:
    assert launch.of(launch_of(spec)).spec == spec


def test_secrets_are_not_shown_and_survive_being_sent_back(house: House) -> None:
    service = Autostart(house.models)
    house.models.launch(
        ModelSpec(uid="m", engine="free", env={"A": "hush", "B": "hush"}, options={"threads": 2})
    )
    (entry,) = service.entries()["models"]
    assert "hush" not in str(entry)
    entry["launch"]["envs"]["B"] = "new"
    entry["launch"]["replica"] = 4
    asked = autostart.of({**entry, "max_retries": 9, "retry_interval_seconds": 90})
    service.put(asked.spec, asked.hub)
    stored = house.store.desired().models["m"]
    assert (stored.env, stored.replicas) == ({"A": "hush", "B": "new"}, 4)
    assert stored.restart == Restart(max_failures=9, backoff_s=90, backoff_max_s=90)
    assert stored.created_s == 10_000
    options = {"my_api_key": "hush", "deep": [{"password": "hush"}]}
    house.models.change("m", lambda spec: replace(spec, options=options))
    assert "hush" not in str(service.entries())


def test_secrets_of_a_command_line_are_not_shown_either(house: House) -> None:
    service, words = Autostart(house.models), ("--seed", "7", "--hub-token", "hush", "--pwd=hush")
    house.models.launch(ModelSpec(uid="m", engine="free", extra_args=words))
    line = "serve --port {port} --api-key hush --passwords-file hush"
    house.models.change("m", lambda spec: replace(spec, options={"command": line}))
    (entry,) = service.entries()["models"]
    assert "hush" not in str(entry)
    assert entry["launch"]["extra_args"][:3] == list(words[:3])
    assert entry["launch"]["engine_kwargs"]["command"].startswith("serve --port {port} --api-key ")
    house.models.change("m", lambda spec: replace(spec, options={}))
    (entry,) = service.entries()["models"]
    service.put(autostart.of(entry).spec)
    assert house.store.desired().models["m"].extra_args == words


def test_only_what_a_caller_may_use_is_listed(house: House) -> None:
    for uid in ("a", "b"):
        house.models.launch(ModelSpec(uid=uid, engine="free"))
    service = Autostart(house.models)
    assert [one["launch"]["model_uid"] for one in service.entries({"b"})["models"]] == ["b"]
    assert service.summary({"a"}) == {"models": [{"enabled": True, "model_uid": "a"}]}


def test_an_entry_may_be_a_launch_itself() -> None:
    flat = {"model_name": "m", "model_engine": "free", "replica": 2, "priority": 7, "state": {}}
    spec = autostart.of(flat).spec
    assert (spec.uid, spec.replicas, spec.options) == ("m", 2, {})


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"enabled": False}, "enabled"),
        ({"max_retries": 0}, "max_retries"),
        ({"retry_interval_seconds": 0}, "retry_interval_seconds"),
        ({"priority": "high"}, "body"),
        ({"launch": {}}, "model_name"),
    ],
)
def test_an_entry_that_cannot_be_names_the_key(more: dict[str, Any], key: str) -> None:
    with pytest.raises(Invalid) as refused:
        autostart.of({"launch": {"model_name": "m", "model_engine": "free"}, **more})
    assert refused.value.key == key
