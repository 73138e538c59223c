"""Model files brought to a node without a launch: begun, followed, paused, ended."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from xinfer.domain.download import Download, DownloadState, NodeFetching, bare
from xinfer.domain.model import ModelSpec
from xinfer.domain.names import check_uid, did_you_mean
from xinfer.domain.node import Contact, NodeState
from xinfer.domain.ports import NodeDownloads
from xinfer.errors import (
    Cancelled,
    Conflict,
    Invalid,
    LaunchFailed,
    NoCapacity,
    NotFound,
    NotReady,
)
from xinfer.services.families import Families
from xinfer.services.models import Models
from xinfer.services.view import View

_POLL_S = 0.3
_PATIENCE_S = 60.0
"""How long a node that does not answer is waited for by those who wait for a download."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A download and where it is."""

    worker: Contact
    download: Download

    @property
    def node(self) -> str:
        """The name of its node."""
        return self.worker.node

    @property
    def address(self) -> str:
        """`host:port` of the worker there."""
        return self.worker.address


class Downloads:
    """`view()` tells which nodes there are, as read now; `nodes` asks them.

    `pause(seconds)` is False when the process ends; `grace_s` is how long a silent node is asked.
    """

    def __init__(
        self,
        models: Models,
        families: Families,
        nodes: NodeDownloads,
        view: Callable[[], View],
        *,
        pause: Callable[[float], bool],
        grace_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._models = models
        self._families = families
        self._nodes = nodes
        self._view = view
        self._pause = pause
        self._grace_s = grace_s
        self._clock = clock

    def resolved(self, spec: ModelSpec, hub: str | None = None) -> ModelSpec:
        """The spec with its files named as a launch would; without an engine any format will do.

        Raises Invalid, also for a model that has no files.
        """
        check_uid(spec.uid)
        if spec.engine:
            found = self._models.resolved(spec, hub)
        else:
            try:
                found = self._families.find(spec, hub=hub).spec
            except NotFound as error:
                hint = f"{error.hint} Or give model_path, or source with a hub.".lstrip()
                raise Invalid(error.message, hint, key="model_name") from None
        if found.source is None:
            raise Invalid(
                f"Engine '{spec.engine}' loads no files: there is nothing to download.",
                "Launch it at once.",
                key="model_engine",
            )
        return found

    def begin(self, spec: ModelSpec, cache_uid: str | None = None) -> Placed:
        """Start the download of a resolved spec, on the node that it names, else on the one whose
        cache has the most room. An active one of the same uid and files is joined.

        Raises Invalid for a node or a uid that cannot be, Conflict when the uid fetches other
        files, NoCapacity when no node is there.
        """
        uid = check_uid(cache_uid) if cache_uid else f"{spec.uid[:80]}-{secrets.token_hex(4)}"
        order = Download(id=uid, spec=bare(spec))
        said = dict(self._said())
        known = next((one for one in _placed(said) if _is(one, uid)), None)
        if known is not None and known.download.state.is_active:
            _check_same(known, spec)
            return self._began(known.worker, order)
        worker = self._choose(spec, said)
        if known is not None and known.node != worker.node:
            self._nodes.change(known.worker, uid, "forget")
        return self._began(worker, order)

    def wait(self, begun: Placed) -> Placed:
        """Until it is done.

        Raises LaunchFailed with the cause, Cancelled when it was cancelled, paused or forgotten,
        NotReady when its node does not answer for a minute or this process ends; it then goes on.
        """
        found, last = begun, self._clock()
        while found.download.state is DownloadState.RUNNING:
            if not self._pause(_POLL_S):
                raise NotReady("This server ends.", f"The download {found.download.id} goes on.")
            try:
                found = self._again(found)
                last = self._clock()
            except NotReady:
                if self._clock() - last > _PATIENCE_S:
                    raise
        if found.download.state is not DownloadState.DONE:
            raise _end_of(found.download)
        return found

    def list(self) -> tuple[Placed, ...]:
        """Those of all nodes, and those that launches wait for. Raises NotReady."""
        return tuple(_placed(dict(self._said())))

    def find(self, uid: str) -> Placed:
        """Raises NotFound with the nearest uid, NotReady when a node does not answer."""
        found = {one.download.id: one for one in reversed(self.list())}
        if uid not in found:
            raise NotFound(f"There is no download '{uid}'.", did_you_mean(uid, found))
        return found[uid]

    def change(self, placed: Placed, verb: str) -> Placed:
        """`verb` is pause, resume, cancel or forget. Raises Conflict when it is not possible now,
        or the download belongs to a launch.
        """
        uid = placed.download.id
        if placed.download.of_launch:
            raise Conflict(
                f"The download {uid} belongs to the launch of model '{uid}'.",
                f"End that instead: `xinfer terminate {uid}`.",
            )
        changed = self._nodes.change(placed.worker, uid, verb)
        return replace(placed, download=changed)

    def _again(self, placed: Placed) -> Placed:
        """As it is now. Raises Cancelled when its node knows nothing of it."""
        uid, state = placed.download.id, self._live().get(placed.node)
        if state is None:
            raise NotReady(f"Node '{placed.node}', which fetches {uid}, is not there.")
        worker = state.report.contact
        for one in self._nodes.at(worker).downloads:
            if one.id == uid and not one.of_launch:
                return replace(placed, worker=worker, download=one)
        raise Cancelled(f"The download {uid} was forgotten while it was waited for.")

    def _began(self, worker: Contact, order: Download) -> Placed:
        return Placed(worker=worker, download=self._nodes.begin(worker, order))

    def _live(self) -> dict[str, NodeState]:
        since_s = self._clock() - self._grace_s
        nodes = self._view().observed.nodes
        return {name: state for name, state in nodes.items() if state.seen_at_s >= since_s}

    def _said(self) -> Iterator[tuple[Contact, NodeFetching]]:
        """By the worker of each node that lives, what it says."""
        for state in self._live().values():
            worker = state.report.contact
            yield worker, self._nodes.at(worker)

    def _choose(self, spec: ModelSpec, said: Said) -> Contact:
        wanted = spec.placement.node
        names = [worker for worker in said if wanted in {None, *worker.names}]
        if not said:
            raise NoCapacity("No node is there to keep the files.", "See `xinfer status`.")
        if not names:
            hint = did_you_mean(str(wanted), [worker.node for worker in said])
            raise Invalid(f"worker_ip: there is no node '{wanted}'.", hint, key="worker_ip")
        hub = str(spec.source.hub) if spec.source is not None else ""
        return max(names, key=lambda worker: said[worker].free_bytes.get(hub, 0))


Said = dict[Contact, NodeFetching]


def _placed(said: Said) -> Iterator[Placed]:
    for worker, fetching in said.items():
        for one in fetching.downloads:
            yield Placed(worker=worker, download=one)


def _is(one: Placed, uid: str) -> bool:
    return one.download.id == uid and not one.download.of_launch


def _check_same(known: Placed, spec: ModelSpec) -> None:
    """Raises Conflict unless it is the same download."""
    if known.download.spec.source != spec.source:
        raise Conflict(
            f"The download {known.download.id} is under way and fetches other files.",
            "Choose another cache_uid, or cancel that one first.",
        )
    wanted = spec.placement.node
    if wanted not in {None, *known.worker.names}:
        raise Conflict(
            f"The download {known.download.id} is under way on node '{known.node}'.",
            "Choose another cache_uid, or cancel that one first.",
        )


def _end_of(one: Download) -> Cancelled | LaunchFailed:
    """Why a download that was waited for did not get to its end."""
    if one.state is DownloadState.FAILED:
        return LaunchFailed(one.error, one.hint, phase="downloading", cause=one.error)
    return Cancelled(
        f"The download {one.id} was {one.state} while it was waited for.",
        f"What has arrived is kept: POST /v1/downloads/{one.id}/resume goes on.",
    )
