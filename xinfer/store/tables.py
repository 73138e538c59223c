"""The tables. Documents are JSON of domain values; revisions, terms and times are columns."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

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

USERS = Table(
    "users",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("username", Text, nullable=False, unique=True),
    Column("body", LargeBinary, nullable=False),
    # A number that was removed names somebody in tokens, usage and audit: it never comes again.
    sqlite_autoincrement=True,
)

API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("body", LargeBinary, nullable=False),
    # A number that was removed names somebody in tokens, usage and audit: it never comes again.
    sqlite_autoincrement=True,
)
"""Keys by their SHA-256; the keys themselves are nowhere."""

REFRESH_TOKENS = Table(
    "refresh_tokens",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("user_id", Integer, nullable=False),
    Column("expires_s", Float, nullable=False),
    Column("used", Integer, nullable=False),
)
"""A used one is kept until it expires: its second use means that it was stolen."""

AUDIT = Table(
    "audit",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at_s", Float, nullable=False),
    Column("principal", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Index("audit_by_target", "action", "target", "id"),
    Index("audit_by_address", "action", "address", "id"),
)

USAGE = Table(
    "usage",
    METADATA,
    Column("day", Text, primary_key=True),
    Column("principal", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("tokens_in", BigInteger, nullable=False),
    Column("tokens_out", BigInteger, nullable=False),
)
"""What was used, by day (UTC), caller and model; processes add to it."""

REGISTRATIONS = Table(
    "registrations",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("at_s", Float, nullable=False),
    Column("removed_s", Float, nullable=True),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("kind", "name", "version"),
)
"""Every registration of a custom model; the one in force has no `removed_s`."""

VERSIONS = Table("alembic_version", METADATA, Column("version_num", Text, primary_key=True))
"""The schema version, where Alembic keeps it."""
