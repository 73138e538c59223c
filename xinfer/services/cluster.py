"""The cluster as people see it: supervisor, nodes, and what they have."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import xinfer
from xinfer.domain.memory import Room
from xinfer.domain.node import Device, NodeState
from xinfer.domain.ports import AssignedStore, ObservedStore


class Cluster:
    """`address` is the supervisor's `host:port`; `grace_s` after which a silent node is down."""

    def __init__(
        self,
        observed: ObservedStore,
        assigned: AssignedStore,
        *,
        address: str,
        grace_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._observed = observed
        self._assigned = assigned
        self._address = address
        self._grace_s = grace_s
        self._clock = clock
        self._started_s = clock()

    def status(self) -> dict[str, Any]:
        """`GET /status`: uptime in seconds, and each worker by address."""
        now = self._clock()
        nodes = self._observed.observed().nodes
        return {
            "uptime": int(now - self._started_s),
            "workers": {
                state.report.address: {
                    "node": name,
                    "alive": now - state.seen_at_s <= self._grace_s,
                    "seen_s_ago": round(now - state.seen_at_s, 1),
                    "replicas": len(state.report.replicas),
                }
                for name, state in nodes.items()
            },
        }

    def workers(self) -> list[dict[str, Any]]:
        """`GET /v1/workers`: each worker with the models that have replicas on it."""
        return [
            {
                "work-ip": state.report.address,
                "models": {each.replica_id: each.uid for each in state.report.replicas},
            }
            for state in self._observed.observed().nodes.values()
        ]

    def supervisor(self) -> str:
        """`host:port` of the API."""
        return self._address

    def devices(self) -> int:
        """The most accelerators that one node has."""
        nodes = self._observed.observed().nodes.values()
        return max((len(state.report.machine.devices) for state in nodes), default=0)

    def info(self, *, detailed: bool) -> list[dict[str, Any]]:
        """`GET /v1/cluster/info`; memory in bytes, but accelerators' in MiB unless `detailed`.

        What is available nobody uses now; what is free no replica asked for and nothing else holds:
        by that a launch is placed or refused.
        `load` is the share 0..1 that processors, or an accelerator, worked lately; null =
        not known.
        """
        supervisor = {
            "node_type": "Supervisor",
            "ip_address": self._address,
            "gpu_count": 0,
            "gpu_vram_total": 0,
        }
        if detailed:
            supervisor["software_version"] = xinfer.__version__
        workers = self._observed.observed().nodes.values()
        return [supervisor, *(self._worker(state, detailed=detailed) for state in workers)]

    def _worker(self, state: NodeState, *, detailed: bool) -> dict[str, Any]:
        report, devices = state.report, state.report.machine.devices
        total = sum(device.total_bytes for device in devices)
        brief = {
            "node_type": "Worker",
            "node": report.node,
            "ip_address": report.address,
            "gpu_count": len(devices),
            "gpu_vram_total": f"{total // 2**20}MiB" if total else 0,
        }
        return {**brief, **self._details(state)} if detailed else brief

    def _details(self, state: NodeState) -> dict[str, Any]:
        report, machine = state.report, state.report.machine
        room = Room(machine=machine, taken=self._assigned.assigned().of_node(report.node))
        free = room.free_by_device()
        total = sum(device.total_bytes for device in machine.devices)
        used = sum(device.used_bytes for device in machine.devices)
        return {
            "gpu_vram_total": total,
            "gpu_vram_available": total - used,
            "gpu_vram_free": sum(free),
            "gpu_names": [device.name for device in machine.devices],
            "devices": [
                {**_device(device), "free_bytes": left}
                for device, left in zip(machine.devices, free, strict=True)
            ],
            "cpu_count": machine.cores,
            "load": machine.load,
            "mem_total": machine.memory_total_bytes,
            "mem_available": machine.memory_available_bytes,
            "mem_free": room.free(),
            "mem_held": machine.memory_held_bytes,
            "mem_used": machine.memory_total_bytes - machine.memory_available_bytes,
            "software_version": report.version,
            "alive": self._clock() - state.seen_at_s <= self._grace_s,
            "labels": dict(report.labels),
            "reach": str(report.reach),
        }


def _device(device: Device) -> dict[str, Any]:
    return {
        "index": device.index,
        "name": device.name,
        "kind": device.kind,
        "total_bytes": device.total_bytes,
        "used_bytes": device.used_bytes,
        "held_bytes": device.held_bytes,
        "load": device.load,
    }
