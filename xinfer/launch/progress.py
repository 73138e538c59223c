"""Tell a person how the launch goes: one line per phase with its time, then how to use it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from xinfer.errors import Invalid, NotReady, XinferError
from xinfer.launch.endpoint import Endpoint

_POLL_S = 0.1
_TRIED_TOKENS = 64
_SETTLED = {"ready", "failed", "stopped"}
_REFUSED_S = 5.0
"""How long a refusal must last to be the last word: each report of a node may end it."""


class Progress:
    """Follows a launch by asking the supervisor; `step()` is called often and returns quickly.

    `say(line)` prints. `recipe` is the body of the apply request, or None to leave the desired
    state as stored. `settled` turns true when every model is ready, has failed for good or is
    meant to be stopped, and `failed` then holds the uids that failed. With `joins` not before the
    workers have reported since `started_s`: what they said before tells of replicas that are gone.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        say: Callable[[str], None],
        *,
        recipe: bytes | None = None,
        started_s: float | None = None,
        joins: bool = False,
    ) -> None:
        self._endpoint = endpoint
        self._say = say
        self._recipe = recipe
        self._started = started_s if started_s is not None else time.time()
        self._next = 0.0
        self._applied = False
        self._shown: dict[str, int] = {}
        self._causes: dict[str, str] = {}
        self._refused: dict[str, float] = {}
        self._nodes: set[str] = set()
        self._joins = joins
        self.settled = False
        self.failed: tuple[str, ...] = ()

    def step(self) -> None:
        """Ask once if it is time to, print what is new.

        Raises Invalid when the supervisor refuses the recipe.
        """
        if self.settled or time.monotonic() < self._next:
            return
        try:
            if not self._applied:
                self._apply()
            if self._have_joined():
                self._show_nodes(self._endpoint.call("GET", "/v1/cluster/info?detailed=true"))
                self._show_models(self._endpoint.call("GET", "/v1/models")["data"])
        except Invalid:
            raise
        except XinferError:
            pass  # not up yet, being restarted, or changing under our eyes: the next look tells
        self._next = time.monotonic() + _POLL_S

    def _apply(self) -> None:
        status, _ = self._endpoint.request("GET", "/readyz")
        if status != 200:
            raise NotReady("The supervisor is not ready.")
        self._line("supervisor", "ready", self._endpoint.url)
        if self._recipe is not None:
            status, reply = self._endpoint.request("PUT", "/v1/recipe", self._recipe)
            if 400 <= status < 500:
                detail = reply.get("detail") if isinstance(reply, dict) else reply
                raise Invalid(f"The supervisor refuses the recipe: {detail}")
            if status != 200:
                raise NotReady(f"The supervisor answered {status}.")
        self._applied = True

    def _have_joined(self) -> bool:
        """Whether every worker that is not given up has reported since the start, and one is."""
        if not self._joins:
            return True
        workers = self._endpoint.call("GET", "/status")["workers"].values()
        ages = [float(worker["seen_s_ago"]) for worker in workers if worker["alive"]]
        return bool(ages) and max(ages) <= time.time() - self._started

    def _show_nodes(self, nodes: list[Mapping[str, Any]]) -> None:
        for node in nodes:
            name = str(node.get("node", ""))
            is_there = node.get("node_type") == "Worker" and node.get("alive", True)
            if is_there and name not in self._nodes:
                self._nodes.add(name)
                memory = float(node.get("mem_free") or 0) / 2**30
                self._line(
                    f"node {name}",
                    "joined",
                    f"{node.get('cpu_count', '?')} cores, {memory:.1f} GiB of memory free",
                )

    def _show_models(self, models: list[Mapping[str, Any]]) -> None:
        states = {}
        for model in models:
            uid = str(model["id"])
            states[uid] = str(model.get("state", ""))
            replicas = self._endpoint.call("GET", f"/v1/models/{uid}/timeline")
            for replica in replicas:
                self._show_replica(replica)
            if states[uid] != "failed":
                self._refused.pop(uid, None)
            elif not any(one.get("cause") for one in replicas) and self._may_pass(uid):
                states[uid] = "refused"
            else:
                self._show_cause(uid, str(model.get("reason") or "the cause is not known"))
        if self._applied and all(state in _SETTLED for state in states.values()):
            self.failed = tuple(uid for uid, state in states.items() if state == "failed")
            self.settled = True

    def _may_pass(self, uid: str) -> bool:
        """Whether a refusal is so new that it may be for a program which is about to end."""
        now_s = time.monotonic()
        return now_s - self._refused.setdefault(uid, now_s) < _REFUSED_S

    def _show_replica(self, replica: Mapping[str, Any]) -> None:
        name = str(replica["replica_id"])
        spans = replica["phases"]
        shown = self._shown.get(name, 0)
        for place, span in enumerate(spans):
            if place < shown:
                continue
            before = spans[place - 1] if place else None
            took = f"after {before['seconds']:.1f} s {before['phase']}" if before else ""
            self._line(name, str(span["phase"]), took, at_s=float(span["started_s"]))
        self._shown[name] = len(spans)
        cause = replica.get("cause")
        if cause and self._causes.get(name) != cause["summary"]:
            self._causes[name] = cause["summary"]
            self._line(name, "failed", str(cause["summary"]))
            for line in cause.get("tail", ())[-8:]:
                self._say(f"      | {line}")

    def _show_cause(self, uid: str, reason: str) -> None:
        if self._causes.get(uid) != reason:
            self._causes[uid] = reason
            self._line(uid, "FAILED", reason)

    def _line(self, who: str, what: str, more: str = "", *, at_s: float | None = None) -> None:
        since = max(0.0, (at_s if at_s is not None else time.time()) - self._started)
        self._say(f"  {since:6.1f} s  {who:<18} {what:<12} {more}".rstrip())


def summary(endpoint: Endpoint, started_s: float, failed: tuple[str, ...]) -> list[str]:
    """The closing lines: what serves, where, and a command to try."""
    models = endpoint.call("GET", "/v1/models")["data"]
    took = time.time() - started_s
    ready = [model for model in models if model.get("state") == "ready"]
    lines = [
        f"{len(ready)} of {len(models)} models ready in {took:.1f} s: {endpoint.url}/v1"
        if models
        else f"ready in {took:.1f} s, no models yet: {endpoint.url}/v1"
    ]
    lines += [_short_of(model) for model in ready if model["replicas_ready"] < model["replica"]]
    chat = next((model for model in ready if "chat" in model.get("model_ability", ())), None)
    if chat is not None:
        # Bounded: a small model may go on for as long as its context lasts.
        asked = {
            "model": chat["id"],
            "messages": [{"role": "user", "content": "Say hello."}],
            "max_tokens": _TRIED_TOKENS,
        }
        body = json.dumps(asked)
        lines.append(
            f"try: curl {endpoint.url}/v1/chat/completions "
            f"-H 'Content-Type: application/json'{_key(endpoint)} -d '{body}'"
        )
    elif not models:
        lines.append("launch one: xinfer launch --help")
    if failed:
        lines += [
            f"failed: {', '.join(failed)}; `xinfer status` shows why",
            "once the cause is mended, apply the recipe (or launch the model) again",
        ]
    return lines


def _short_of(model: Mapping[str, Any]) -> str:
    """A model that serves with fewer replicas than are wanted."""
    so_far = f"{model['id']}: {model['replicas_ready']} of {model['replica']} replicas so far"
    return f"{so_far}. {model['reason']}" if model["reason"] else so_far


def _key(endpoint: Endpoint) -> str:
    """The header that callers need, without telling the key itself."""
    if not endpoint.call("GET", "/v1/cluster/auth")["auth"]:
        return ""
    own = endpoint.token_file.with_name("admin.key")
    key = f"$(cat {own})" if own.exists() else "$XINFER_API_KEY"
    return f' -H "Authorization: Bearer {key}"'


def follow(progress: Progress, timeout_s: float) -> None:
    """Step until settled. Raises NotReady after `timeout_s`, XinferError on a refusal."""
    deadline = time.monotonic() + timeout_s
    while not progress.settled:
        if time.monotonic() > deadline:
            raise NotReady(f"Not all models were ready after {timeout_s:.0f} s.")
        progress.step()
        time.sleep(_POLL_S)
