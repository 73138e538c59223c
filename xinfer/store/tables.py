"""The tables. Documents are JSON of domain values; revisions, terms and times are columns."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, MetaData, Table, Text

METADATA = MetaData()

DOCUMENTS = Table(
    "documents",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""`desired` and `assigned`, one row each, written by compare-and-set on `revision`."""

NODES = Table(
    "nodes",
    METADATA,
    Column("node", Text, primary_key=True),
    Column("incarnation", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("seen_at_s", Float, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""The last report of each node."""

EVENTS = Table(
    "events",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("uid", Text, nullable=False),
    Column("at_s", Float, nullable=False),
    Column("kind", Text, nullable=False),
    Column("message", Text, nullable=False),
    Index("events_by_uid", "uid", "id"),
)

LEASES = Table(
    "leases",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("term", BigInteger, nullable=False),
    Column("expires_s", Float, nullable=False),
)

STAMPS = Table(
    "stamps",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""One row that grows with every change worth waking anybody for; heartbeats leave it alone."""

VERSIONS = Table("alembic_version", METADATA, Column("version_num", Text, primary_key=True))
"""The schema version, where Alembic keeps it."""
