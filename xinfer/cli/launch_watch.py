"""Follow a launch by asking the server again and again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xinfer.client import ClientError, RESTfulClient, Unreachable

_POLL_S = 0.2
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A launch at one moment. `replicas` are the timelines by replica; `downloads` the share 0..1
    and a short text by replica that is downloading, `files` what it fetches: name, bytes done, and
    bytes in all (None = not known yet). `whole`: every replica that is wanted serves. `reason`: why
    not, where that is known.
    """

    state: str
    whole: bool = True
    reason: str | None = None
    replicas: Sequence[Mapping[str, Any]] = ()
    downloads: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    files: Mapping[str, Sequence[tuple[str, int, int | None]]] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        return self.state == "ready" and self.whole

    @property
    def settled(self) -> bool:
        """Whether nothing more will happen by itself."""
        rests = any(map(_rests, self.replicas))
        return self.ready or rests or self.curtailed or self.state in ("failed", "stopped")

    @property
    def curtailed(self) -> bool:
        """Whether some of its replicas serve, and there is no room for the others."""
        return self.state == "ready" and not self.whole and bool(self.reason)


def _rests(replica: Mapping[str, Any]) -> bool:
    """Whether it failed as often as it may."""
    phases = replica["phases"]
    failed = bool(phases) and phases[-1]["phase"] == "failed"
    return failed and replica.get("retry_at_s") is None


_TERMINATED = Snapshot(state="failed", reason="it was terminated meanwhile")


def watch(client: RESTfulClient, uid: str) -> Iterator[Snapshot]:
    """Snapshots of a launch, the last one settled.

    A model that somebody terminates meanwhile counts as failed. A server that restarts is waited
    for; raises Unreachable when it stays away for half a minute.
    """
    last_reply = time.monotonic()
    while True:
        try:
            snapshot = _look(client, uid)
        except Unreachable:
            if time.monotonic() - last_reply > _PATIENCE_S:
                raise
        else:
            last_reply = time.monotonic()
            yield snapshot
            if snapshot.settled:
                return
        time.sleep(_POLL_S)


def _look(client: RESTfulClient, uid: str) -> Snapshot:
    try:
        model = client.list_models().get(uid)
        return _TERMINATED if model is None else _snapshot(client, uid, model)
    except ClientError as error:
        if error.status in (400, 404):
            return _TERMINATED
        raise


def _snapshot(client: RESTfulClient, uid: str, model: Mapping[str, Any]) -> Snapshot:
    progress = client.get_launch_model_progress(uid)
    fetching = [
        replica
        for replica in progress.get("replicas") or ()
        if replica.get("stage") == "downloading"
    ]
    return Snapshot(
        state=str(model.get("state")),
        whole=model.get("replicas_ready", 0) >= model.get("replica", 0),
        reason=model.get("reason") or None,
        replicas=client.get_timeline(uid),
        downloads={
            str(replica["replica_model_uid"]): (
                float(replica.get("progress") or 0.0),
                str(replica.get("info") or ""),
            )
            for replica in fetching
        },
        files={
            str(replica["replica_model_uid"]): [
                (str(file["name"]), int(file["done_bytes"]), file["total_bytes"])
                for file in replica.get("download_files") or ()
            ]
            for replica in fetching
        },
    )
