"""A model's options exchanged while it serves: one replica after the other is replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from xinfer.domain.model import JsonValue, ModelSpec
from xinfer.domain.ports import Engines
from xinfer.services.autostart import kept, without_secrets
from xinfer.services.models import Models
from xinfer.services.view import View


class Reload:
    """A reload is a change of what is desired, so the last one is what the model comes to now:
    nothing of it is stored beside the spec, and none is lost.
    """

    def __init__(self, models: Models, engines: Engines) -> None:
        self._models = models
        self._engines = engines

    def engine(self, uid: str) -> str:
        """The engine of a model. Raises NotFound."""
        return self._models.view().spec(uid).engine

    def begin(
        self,
        uid: str,
        options: Mapping[str, JsonValue],
        allow: Callable[[ModelSpec], None],
        drain_s: float | None = None,
    ) -> dict[str, Any]:
        """Change these options, None for what is to be taken back; the reply is of `operation`.

        `drain_s` is how long requests have to end on what is replaced (None: as before).
        Raises NotFound, Invalid, and what `allow` raises, which sees the spec with nothing but what
        changes. Old replicas serve until new ones do; if those fail, the old ones go on.
        """
        before = self._models.view().spec(uid)
        asked = kept(self._named(before.engine, options), before.options)
        allow(replace(before, options=asked, env={}, extra_args=(), source=None))
        merged = {**before.options, **asked}
        chosen = {name: value for name, value in merged.items() if value is not None}
        # What it was estimated to need it may need no more.
        fresh = self._models.check(replace(before, options=chosen, memory_bytes=None))
        if fresh.options != before.options:
            memory = fresh.memory_bytes or before.memory_bytes
            drain_s = before.drain_timeout_s if drain_s is None else drain_s
            self._models.change(
                uid,
                lambda now: replace(
                    now, options=fresh.options, memory_bytes=memory, drain_timeout_s=drain_s
                ),
            )
        return self.operation(uid)

    def operation(self, uid: str) -> dict[str, Any]:
        """How far the model is with what is desired of it. Raises NotFound."""
        view = self._models.view()
        spec, digest = view.spec(uid), view.spec(uid).digest()
        replicas = view.replicas(uid)
        current = [one for one in replicas if one.assigned.spec.digest() == digest]
        ready = sum(one.is_ready for one in current)
        error = _error(view, uid, digest)
        is_done = ready >= spec.replicas and len(current) == len(replicas)
        return {
            "operation_id": digest,
            "model_uid": uid,
            "stage": "error" if error else "ready" if is_done else "loading",
            "error": error,
            "model_config": without_secrets(dict(spec.options)),
            "drain_timeout": spec.drain_timeout_s,
            "replicas": spec.replicas,
            "replicas_ready": ready,
        }

    def options(self, uid: str) -> dict[str, Any]:
        """What a reload may change, with the values that were asked for. Raises NotFound."""
        spec = self._models.view().spec(uid)
        engine = self._engines.get(spec.engine)
        shown = without_secrets(dict(spec.options))
        return {
            "model_uid": uid,
            "engine": engine.name,
            "can_upgrade_environment": False,
            "parameters": [
                {
                    "name": option.name,
                    "type": option.type,
                    "description": option.doc,
                    "choices": list(option.choices),
                    "default": option.default,
                    "value": shown.get(option.name),
                }
                for option in engine.options
            ],
        }

    def _named(self, engine: str, options: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """By their own names, of which some have several."""
        own = {
            spelling: option.name
            for option in self._engines.get(engine).options
            for spelling in (option.name, *option.aliases)
        }
        return {own.get(name.replace("-", "_"), name): value for name, value in options.items()}


def _error(view: View, uid: str, digest: str) -> str | None:
    """Why a new replica failed as often as it may."""
    for one in view.replicas(uid):
        if one.rests and one.assigned.spec.digest() == digest and one.status is not None:
            return one.status.cause.summary if one.status.cause else "the cause is not known"
    return view.assigned.refusals.get(uid)
