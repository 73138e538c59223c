"""Models that start by themselves: here those are all that are desired."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from xinfer.domain.model import Hub, ModelSpec, Source
from xinfer.errors import NotFound
from xinfer.services import description
from xinfer.services.models import Models

REDACTED = "******"
"""What stands for a secret; a launch that says it keeps the value that is known."""

_SECRET = ("token", "secret", "passw", "pwd", "api_key", "apikey", "access_key", "credential")
_PRIORITY = 100


class Autostart:
    """Desired models as the peer's configuration of automatic starts."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def entries(self, allowed: Collection[str] | None = None) -> dict[str, Any]:
        """Every desired model with the launch that makes it, without secrets; those that are
        `allowed` only, if that is said.
        """
        view = self._models.view()
        return {
            "models": [
                {
                    "enabled": True,
                    "priority": _PRIORITY,
                    "max_retries": spec.restart.max_failures,
                    "retry_interval_seconds": int(spec.restart.backoff_s),
                    "launch": _redacted(launch_of(spec)),
                    "state": {"instance_status": description.instance(view, uid)["status"]},
                }
                for uid, spec in view.desired.models.items()
                if allowed is None or uid in allowed
            ]
        }

    def summary(self, allowed: Collection[str] | None = None) -> dict[str, Any]:
        """The uids alone."""
        uids = [
            uid for uid in self._models.view().desired.models if allowed is None or uid in allowed
        ]
        return {"models": [{"enabled": True, "model_uid": uid} for uid in uids]}

    def put(self, spec: ModelSpec, hub: str | None = None) -> None:
        """Declare a model, or change the one of that uid, without waiting for it.

        Raises what `Models.launch` raises.
        """
        before = self._models.view().desired.models.get(spec.uid)
        if before is None:
            self._models.launch(spec, hub=hub)
            return
        asked = replace(
            spec,
            env=kept(spec.env, before.env),
            options=kept(spec.options, before.options),
        )
        checked = self._models.check(asked, hub)
        self._models.change(
            spec.uid,
            lambda old: replace(
                checked, origin=old.origin, created_s=old.created_s, retired=old.retired
            ),
        )

    def remove(self, uid: str) -> None:
        """A model that does not start by itself is not desired: its replicas drain and end.

        One that is not there is none to start.
        """
        try:
            self._models.terminate(uid)
        except NotFound:
            return


def launch_of(spec: ModelSpec) -> dict[str, Any]:
    """The body of a launch that declares this spec. What says nothing is left out."""
    path = spec.source is not None and spec.source.hub is Hub.PATH
    own = {
        "model_uid": spec.uid,
        "model_name": spec.family or spec.uid,
        "model_type": str(spec.kind),
        "model_engine": spec.engine,
        "model_size_in_billions": spec.size,
        "model_format": spec.format,
        "quantization": spec.quantization,
        "replica": spec.replicas,
        "n_gpu": spec.placement.n_gpu,
        "gpu_idx": list(spec.placement.gpu_idx),
        "worker_ip": spec.placement.node,
        "request_limits": spec.limits.max_in_flight,
        "model_path": spec.source.ref if spec.source and path else None,
        "source": None if path else _source(spec.source),
        "memory": spec.memory_bytes,
        "envs": dict(spec.env),
        "extra_args": list(spec.extra_args),
        "engine_kwargs": dict(spec.options),
    }
    return {
        key: value for key, value in own.items() if key == "n_gpu" or value not in (None, [], {})
    }


def _source(source: Source | None) -> dict[str, Any] | None:
    if source is None:
        return None
    given = {str(source.hub): source.ref, "revision": source.revision, "files": list(source.files)}
    return {key: value for key, value in given.items() if value}


def _redacted(launch: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = without_secrets(launch)
    if "envs" in launch:
        shown["envs"] = dict.fromkeys(launch["envs"], REDACTED)
    return shown


def without_secrets(value: Any) -> Any:
    """A JSON value with REDACTED for what keys say is a secret."""
    if isinstance(value, list):
        return [without_secrets(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: REDACTED if _is_secret(key) else without_secrets(each) for key, each in value.items()
    }


def _is_secret(key: str) -> bool:
    spelled = key.lower().replace("-", "_")
    return any(word in spelled for word in _SECRET)


def kept(given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """`given`, with the value before where it says REDACTED."""
    return {
        key: before[key] if value == REDACTED and key in before else value
        for key, value in given.items()
    }
