"""Launches and machines to give to an engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xinfer.domain.engine import Files, Launch
from xinfer.domain.model import ModelSpec, Placement
from xinfer.domain.node import Device, Machine

GIB = 2**30
MACHINE = Machine(
    cores=4, memory_total_bytes=16 * GIB, memory_available_bytes=12 * GIB, system="linux-x86_64"
)
WITH_GPUS = Machine(
    cores=4,
    memory_total_bytes=16 * GIB,
    memory_available_bytes=12 * GIB,
    system="linux-x86_64",
    devices=tuple(
        Device(index=index, name="GPU", kind="cuda", total_bytes=80 * GIB, used_bytes=0)
        for index in range(2)
    ),
)


def spec(engine: str, *, n_gpu: int | str | None = "auto", **more: Any) -> ModelSpec:
    return ModelSpec(uid="chat", engine=engine, placement=Placement(n_gpu=n_gpu), **more)


def launch(
    wanted: ModelSpec,
    files: Files | None = None,
    machine: Machine = MACHINE,
    devices: tuple[int, ...] = (),
) -> Launch:
    return Launch(
        spec=wanted,
        replica_id="chat-rep0",
        machine=machine,
        files=files,
        host="127.0.0.1",
        port=4711,
        endpoint_file=Path("/run/endpoint"),
        python="/usr/bin/python3",
        devices=devices,
    )


def files_of(*paths: Path) -> Files:
    return Files(root=paths[0].parent, paths=paths)
