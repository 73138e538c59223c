"""Reads and writes of single rows inside a transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from xinfer.domain.state import Assigned, Desired
from xinfer.errors import Conflict
from xinfer.store import codec
from xinfer.store.tables import DOCUMENTS, STAMPS

Document = TypeVar("Document", Desired, Assigned)
_STAMP = "changes"


def read_document(connection: Connection, name: str, kind: type[Document]) -> Document:
    """The stored document, or an empty one of revision 0."""
    query = sa.select(DOCUMENTS.c.body).where(DOCUMENTS.c.name == name)
    body = connection.execute(query).scalar()
    return kind() if body is None else codec.decode(body, kind)


def swap_document(
    connection: Connection, name: str, expected: int, document: Desired | Assigned
) -> None:
    """Write `document` if the stored revision is `expected`; raises Conflict otherwise."""
    body = codec.encode(document)
    if expected == 0:
        exists = sa.select(DOCUMENTS.c.revision).where(DOCUMENTS.c.name == name)
        if connection.execute(exists).scalar() is None:
            row = {"name": name, "revision": 0, "body": body}
            connection.execute(sa.insert(DOCUMENTS).values(row))
    done = connection.execute(
        sa.update(DOCUMENTS)
        .where(DOCUMENTS.c.name == name, DOCUMENTS.c.revision == expected)
        .values(revision=document.revision, body=body)
    )
    if done.rowcount != 1:
        raise Conflict(
            f"The {name} state is no longer at revision {expected}.", "Read it again and retry."
        )
    bump(connection)


def upsert(
    connection: Connection, table: sa.Table, key: str, name: str, values: Mapping[str, Any]
) -> None:
    """Update the row whose `key` is `name`, or insert it."""
    done = connection.execute(sa.update(table).where(table.c[key] == name).values(**values))
    if done.rowcount == 0:
        connection.execute(sa.insert(table).values({key: name, **values}))


def bump(connection: Connection) -> None:
    """Let every process that watches the store know of a change."""
    grown = sa.update(STAMPS).where(STAMPS.c.name == _STAMP).values(value=STAMPS.c.value + 1)
    if connection.execute(grown).rowcount == 0:
        connection.execute(sa.insert(STAMPS).values(name=_STAMP, value=1))


def read_stamp(connection: Connection) -> int:
    """The number that `bump` grows."""
    return int(connection.execute(_READ_STAMP).scalar() or 0)


_READ_STAMP = sa.select(STAMPS.c.value).where(STAMPS.c.name == _STAMP)
