"""The cluster's memory: desired, assigned, observed, events, lease. One class, five ports."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from xinfer.domain.model import ModelSpec
from xinfer.domain.node import NodeReport, NodeState
from xinfer.domain.ports import Lease
from xinfer.domain.state import Assigned, Desired, Event, Observed
from xinfer.errors import Conflict
from xinfer.store import codec
from xinfer.store.database import Database
from xinfer.store.rows import (
    Document,
    bump,
    read_document,
    read_revision,
    read_stamp,
    swap_document,
)
from xinfer.store.tables import EVENTS, LEASES, NODES

_KEPT_EVENTS = 200
_LEASE = "control"


class ClusterStore:
    """Implements DesiredStore, AssignedStore, ObservedStore, EventStore and Changes.

    `clock` gives unix seconds. `heartbeat_s`: the time of a report that says nothing new is kept
    no more often than this, so it must be well below the grace of a silent node.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], float] = time.time,
        heartbeat_s: float = 1.0,
    ) -> None:
        self._database = database
        self._clock = clock
        self._heartbeat_s = heartbeat_s
        self._desired = Desired()
        self._assigned = Assigned()
        self._version: int | None = None
        self._stamp = 0

    def desired(self) -> Desired:
        self._desired = self._document("desired", self._desired)
        return self._desired

    def write_desired(
        self,
        models: Mapping[str, ModelSpec],
        *,
        expected: int,
        recipe: str | None = None,
        declared: Mapping[str, ModelSpec] | None = None,
    ) -> Desired:
        with self._database.write() as connection:
            before = read_document(connection, "desired", Desired)
            after = Desired(
                revision=expected + 1,
                models=dict(models),
                recipe=before.recipe if recipe is None else recipe,
                declared=before.declared if declared is None else dict(declared),
            )
            swap_document(connection, "desired", expected, after)
        return after

    def assigned(self) -> Assigned:
        self._assigned = self._document("assigned", self._assigned)
        return self._assigned

    def write_assigned(self, assigned: Assigned, *, expected: int, lease: Lease) -> Assigned:
        after = replace(assigned, revision=expected + 1)
        with self._database.write() as connection:
            held = connection.execute(_READ_LEASE).first()
            if held is None or (held.holder, held.term) != (lease.holder, lease.term):
                raise Conflict(f"The lease of term {lease.term} was taken over by another process.")
            swap_document(connection, "assigned", expected, after)
        return after

    def acquire(self, holder: str, ttl_s: float) -> Lease | None:
        now = self._clock()
        with self._database.read() as connection:
            held = connection.execute(_READ_LEASE).first()
        if held is not None and held.holder != holder and held.expires_s > now:
            return None
        with self._database.write() as connection:
            held = connection.execute(_READ_LEASE).first()
            if held is None:
                row = {"name": _LEASE, "holder": holder, "term": 1, "expires_s": now + ttl_s}
                connection.execute(sa.insert(LEASES).values(row))
                return Lease(holder=holder, term=1)
            if held.holder != holder and held.expires_s > now:
                return None
            term = held.term if held.holder == holder else held.term + 1
            connection.execute(
                sa.update(LEASES)
                .where(LEASES.c.name == _LEASE)
                .values(holder=holder, term=term, expires_s=now + ttl_s)
            )
        return Lease(holder=holder, term=term)

    def release(self, lease: Lease) -> None:
        with self._database.write() as connection:
            connection.execute(
                sa.update(LEASES)
                .where(LEASES.c.name == _LEASE)
                .where(LEASES.c.holder == lease.holder, LEASES.c.term == lease.term)
                .values(expires_s=0.0)
            )

    def observed(self) -> Observed:
        with self._database.read() as connection:
            rows = connection.execute(sa.select(NODES)).all()
        return Observed(nodes={row.node: _node_state(row) for row in rows})

    def node(self, name: str) -> NodeState | None:
        with self._database.read() as connection:
            row = connection.execute(_READ_NODE, {"name": name}).first()
        return None if row is None else _node_state(row)

    def record(self, report: NodeReport, now_s: float) -> bool:
        """What changes all the time (counters, memory in use) is kept too, but wakes nobody."""
        with self._database.read() as connection:
            kept = connection.execute(_READ_NODE, {"name": report.node}).first()
        if kept is not None and _is_late(kept, report):
            return False
        changed = kept is None or _essence(_node_state(kept).report) != _essence(report)
        if kept is not None and not changed and 0 <= now_s - kept.seen_at_s < self._heartbeat_s:
            return False
        with self._database.write() as connection:
            # Another process may have kept a later report since.
            kept = connection.execute(_READ_NODE, {"name": report.node}).first()
            if kept is not None and _is_late(kept, report):
                return False
            _keep(connection, report, now_s, is_new=kept is None)
            if changed:
                bump(connection)
        return changed

    def forget(self, node: str) -> None:
        with self._database.write() as connection:
            if connection.execute(sa.delete(NODES).where(NODES.c.node == node)).rowcount:
                bump(connection)

    def append(self, events: Iterable[Event]) -> None:
        rows = [
            {"uid": each.uid, "at_s": each.at_s, "kind": each.kind, "message": each.message}
            for each in events
        ]
        if not rows:
            return
        with self._database.write() as connection:
            connection.execute(sa.insert(EVENTS), rows)
            for uid in {row["uid"] for row in rows}:
                _prune(connection, str(uid))

    def events(self, uid: str, limit: int = 200) -> tuple[Event, ...]:
        newest = (
            sa.select(EVENTS).where(EVENTS.c.uid == uid).order_by(EVENTS.c.id.desc()).limit(limit)
        )
        with self._database.read() as connection:
            rows = connection.execute(newest).all()
        return tuple(
            Event(uid=row.uid, at_s=row.at_s, kind=row.kind, message=row.message)
            for row in reversed(rows)
        )

    def stamp(self) -> int:
        version = self._database.version()
        if version is None or version != self._version:
            with self._database.read() as connection:
                self._stamp = read_stamp(connection)
            self._version = version
        return self._stamp

    def _document(self, name: str, kept: Document) -> Document:
        """The stored document; `kept` is what was read last, and saves reading the same again."""
        with self._database.read() as connection:
            if kept.revision and kept.revision == read_revision(connection, name):
                return kept
            return read_document(connection, name, type(kept))


def _node_state(row: Any) -> NodeState:
    return NodeState(report=codec.decode(row.body, NodeReport), seen_at_s=row.seen_at_s)


def _is_late(kept: Any, report: NodeReport) -> bool:
    """Whether a later report of the same worker process is kept already."""
    return bool(kept.incarnation == report.incarnation and kept.sequence >= report.sequence)


def _keep(connection: Connection, report: NodeReport, now_s: float, *, is_new: bool) -> None:
    values = {
        "incarnation": report.incarnation,
        "sequence": report.sequence,
        "seen_at_s": now_s,
        "body": codec.encode(report),
    }
    if is_new:
        connection.execute(sa.insert(NODES).values(node=report.node, **values))
    else:
        connection.execute(sa.update(NODES).where(NODES.c.node == report.node).values(values))


def _essence(report: NodeReport) -> NodeReport:
    """The report without what changes all the time."""
    machine = replace(
        report.machine,
        memory_available_bytes=0,
        memory_held_bytes=0,
        load=None,
        devices=tuple(
            replace(each, used_bytes=0, held_bytes=0, load=None) for each in report.machine.devices
        ),
    )
    replicas = tuple(replace(each, memory_bytes=None, gauges={}) for each in report.replicas)
    return replace(report, sequence=0, machine=machine, replicas=replicas)


def _prune(connection: Connection, uid: str) -> None:
    """Drop the events of a model beyond the newest that are kept."""
    oldest = (
        sa.select(EVENTS.c.id)
        .where(EVENTS.c.uid == uid)
        .order_by(EVENTS.c.id.desc())
        .offset(_KEPT_EVENTS)
        .limit(1)
    )
    last = connection.execute(oldest).scalar()
    if last is not None:
        connection.execute(sa.delete(EVENTS).where(EVENTS.c.uid == uid, EVENTS.c.id <= last))


_READ_LEASE = sa.select(LEASES).where(LEASES.c.name == _LEASE)
_READ_NODE = sa.select(NODES).where(NODES.c.node == sa.bindparam("name"))
