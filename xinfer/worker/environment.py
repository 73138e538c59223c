"""What the node asks of its environments: which build a replica needs, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from xinfer.domain.cluster import EngineSettings
from xinfer.domain.node import Machine
from xinfer.domain.ports import Engines, Environments

_PROCESSOR = "cpu"


def accelerator(machine: Machine, devices: Sequence[int]) -> str:
    """The kind of accelerator that an engine is built for: that of its devices, else "cpu"."""
    kinds = {device.index: device.kind for device in machine.devices}
    return next((kinds[index] for index in devices if index in kinds), _PROCESSOR)


def offered(
    machine: Machine,
    engines: Engines,
    settings: Mapping[str, EngineSettings],
    environments: Environments,
) -> Machine:
    """The machine with the engines that could not be started on it as things are."""
    chosen = {name: settings.get(name, EngineSettings()).env for name in engines.names()}
    return replace(machine, missing=environments.missing(chosen))
