"""Reads and writes of single rows inside a transaction."""

from __future__ import annotations

from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from xinfer.domain.measured import Measured
from xinfer.domain.state import Assigned, Desired
from xinfer.errors import Conflict
from xinfer.store import codec
from xinfer.store.tables import DOCUMENTS, STAMPS

Document = TypeVar("Document", Desired, Assigned, Measured)
_STAMP = "changes"


def read_revision(connection: Connection, name: str) -> int:
    """The revision of a stored document, 0 when there is none."""
    return int(connection.execute(_READ_REVISION, {"document": name}).scalar() or 0)


def read_document(connection: Connection, name: str, kind: type[Document]) -> Document:
    """The stored document, or an empty one of revision 0."""
    body = connection.execute(_READ_BODY, {"document": name}).scalar()
    return kind() if body is None else codec.decode(body, kind)


def swap_document(
    connection: Connection, name: str, expected: int, document: Desired | Assigned | Measured
) -> None:
    """Write `document` if the stored revision is `expected`; raises Conflict otherwise."""
    body = codec.encode(document)
    if expected == 0 and connection.execute(_READ_BODY, {"document": name}).scalar() is None:
        connection.execute(sa.insert(DOCUMENTS).values(name=name, revision=0, body=body))
    done = connection.execute(
        sa.update(DOCUMENTS)
        .where(DOCUMENTS.c.name == name, DOCUMENTS.c.revision == expected)
        .values(revision=document.revision, body=body)
    )
    if done.rowcount != 1:
        raise Conflict(
            f"The {name} state is no longer at revision {expected}.",
            "Read it again, and retry on top of that.",
        )
    bump(connection)


def bump(connection: Connection, name: str = _STAMP) -> None:
    """Let every process that watches the store, or this part of it, know of a change."""
    grown = sa.update(STAMPS).where(STAMPS.c.name == name).values(value=STAMPS.c.value + 1)
    if connection.execute(grown).rowcount == 0:
        connection.execute(sa.insert(STAMPS).values(name=name, value=1))


def read_stamp(connection: Connection) -> int:
    """The number that `bump` grows."""
    return int(connection.execute(_READ_STAMP).scalar() or 0)


_READ_REVISION = sa.select(DOCUMENTS.c.revision).where(DOCUMENTS.c.name == sa.bindparam("document"))
_READ_BODY = sa.select(DOCUMENTS.c.body).where(DOCUMENTS.c.name == sa.bindparam("document"))
_READ_STAMP = sa.select(STAMPS.c.value).where(STAMPS.c.name == _STAMP)
