"""The cluster's memory: desired, assigned, observed, events, lease. One class, five ports."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import sqlalchemy as sa

from xinfer.domain.model import ModelSpec
from xinfer.domain.node import NodeReport, NodeState
from xinfer.domain.ports import Lease
from xinfer.domain.state import Assigned, Desired, Event, Observed
from xinfer.errors import Conflict
from xinfer.store import codec
from xinfer.store.database import Database
from xinfer.store.rows import bump, read_document, read_stamp, swap_document, upsert
from xinfer.store.tables import EVENTS, LEASES, NODES

_KEPT_EVENTS = 200
_LEASE = "control"


class ClusterStore:
    """Implements DesiredStore, AssignedStore, ObservedStore, EventStore and Changes."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], float] = time.time,
        heartbeat_s: float = 5.0,
    ) -> None:
        self._database = database
        self._clock = clock
        self._heartbeat_s = heartbeat_s

    def desired(self) -> Desired:
        with self._database.read() as connection:
            return read_document(connection, "desired", Desired)

    def write_desired(
        self, models: Mapping[str, ModelSpec], *, expected: int, recipe: str | None = None
    ) -> Desired:
        with self._database.write() as connection:
            before = read_document(connection, "desired", Desired)
            name = before.recipe if recipe is None else recipe
            after = Desired(revision=expected + 1, models=dict(models), recipe=name)
            swap_document(connection, "desired", expected, after)
        return after

    def assigned(self) -> Assigned:
        with self._database.read() as connection:
            return read_document(connection, "assigned", Assigned)

    def write_assigned(self, assigned: Assigned, *, expected: int, lease: Lease) -> Assigned:
        after = replace(assigned, revision=expected + 1)
        with self._database.write() as connection:
            held = connection.execute(sa.select(LEASES).where(LEASES.c.name == _LEASE)).first()
            if held is None or (held.holder, held.term) != (lease.holder, lease.term):
                raise Conflict(f"The lease of term {lease.term} was taken over by another process.")
            swap_document(connection, "assigned", expected, after)
        return after

    def acquire(self, holder: str, ttl_s: float) -> Lease | None:
        now = self._clock()
        with self._database.write() as connection:
            held = connection.execute(sa.select(LEASES).where(LEASES.c.name == _LEASE)).first()
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
        return Observed(
            nodes={
                row.node: NodeState(
                    report=codec.decode(row.body, NodeReport), seen_at_s=row.seen_at_s
                )
                for row in rows
            }
        )

    def record(self, report: NodeReport, now_s: float) -> bool:
        """Also keeps the time of an unchanged report, but only every few seconds and silently."""
        body = codec.encode(report)
        same = codec.encode(_essence(report))
        with self._database.read() as connection:
            kept = connection.execute(sa.select(NODES).where(NODES.c.node == report.node)).first()
        if kept is not None:
            if kept.incarnation == report.incarnation and kept.sequence >= report.sequence:
                return False
            unchanged = codec.encode(_essence(codec.decode(kept.body, NodeReport))) == same
            if unchanged and now_s - kept.seen_at_s < self._heartbeat_s:
                return False
        else:
            unchanged = False
        values = {
            "incarnation": report.incarnation,
            "sequence": report.sequence,
            "seen_at_s": now_s,
            "body": body,
        }
        with self._database.write() as connection:
            upsert(connection, NODES, "node", report.node, values)
            if not unchanged:
                bump(connection)
        return not unchanged

    def forget(self, node: str) -> None:
        with self._database.write() as connection:
            connection.execute(sa.delete(NODES).where(NODES.c.node == node))
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
                oldest = (
                    sa.select(EVENTS.c.id)
                    .where(EVENTS.c.uid == uid)
                    .order_by(EVENTS.c.id.desc())
                    .offset(_KEPT_EVENTS)
                    .limit(1)
                )
                last = connection.execute(oldest).scalar()
                if last is not None:
                    connection.execute(
                        sa.delete(EVENTS).where(EVENTS.c.uid == uid, EVENTS.c.id <= last)
                    )

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
        with self._database.read() as connection:
            return read_stamp(connection)


def _essence(report: NodeReport) -> NodeReport:
    """The report without what changes all the time and wakes nobody: counters and memory in use."""
    machine = replace(
        report.machine,
        memory_available_bytes=0,
        devices=tuple(replace(device, used_bytes=0) for device in report.machine.devices),
    )
    replicas = tuple(replace(each, memory_bytes=None) for each in report.replicas)
    return replace(report, sequence=0, machine=machine, replicas=replicas)
