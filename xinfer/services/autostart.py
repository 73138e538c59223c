"""Models that start by themselves: here those are all that are desired."""

from __future__ import annotations

import re
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
_FLAG = re.compile(
    r"(--?[\w-]*(?:token|secret|passw|pwd|api.?key|access.?key|credential)[\w-]*(?:=|\s+))\S+",
    re.IGNORECASE,
)
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
        """Declare a model, or change the one of that uid, without waiting for it; what rests after
        failures is tried again.

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
            extra_args=_kept_words(spec.extra_args, before.extra_args),
        )
        checked = self._models.check(asked, hub)
        again = checked.digest() == before.digest() and self._models.rests(spec.uid)
        self._models.change(
            spec.uid,
            lambda old: replace(
                checked,
                origin=old.origin,
                created_s=old.created_s,
                retired=old.retired,
                attempt=old.attempt + again,
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
    """A JSON value with REDACTED for secrets: in an object by its keys, in a command line by its
    flags.
    """
    if isinstance(value, str):
        return _FLAG.sub(rf"\1{REDACTED}", value)
    if isinstance(value, list):
        flags = [False, *(isinstance(each, str) and _is_flag(each) for each in value)]
        return [
            REDACTED if follows and isinstance(each, str) else without_secrets(each)
            for follows, each in zip(flags, value, strict=False)
        ]
    if not isinstance(value, dict):
        return value
    return {
        key: REDACTED if _is_secret(key) else without_secrets(each) for key, each in value.items()
    }


def _is_flag(word: str) -> bool:
    return word.startswith("-") and "=" not in word and _is_secret(word)


def _is_secret(key: str) -> bool:
    spelled = key.lower().replace("-", "_")
    return any(word in spelled for word in _SECRET)


def kept(given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """`given`, but what is sent back as it was shown, or as REDACTED, stays what it was."""
    hidden = without_secrets(dict(before))
    return {
        key: before[key] if key in before and value in (REDACTED, hidden[key]) else value
        for key, value in given.items()
    }


def _kept_words(given: tuple[str, ...], before: tuple[str, ...]) -> tuple[str, ...]:
    return before if list(given) == without_secrets(list(before)) else given
