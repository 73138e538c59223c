"""Users, API keys and refresh tokens. Every change to them is seen by all processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from xinfer.domain.identity import ApiKey, Identities, User
from xinfer.errors import Conflict, NotFound
from xinfer.store import codec
from xinfer.store.database import Database
from xinfer.store.rows import bump
from xinfer.store.tables import API_KEYS, REFRESH_TOKENS, STAMPS, USERS

_STAMP = "identity"


class IdentityStore:
    """Implements IdentityReader, UserStore, KeyStore and SessionStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def identity_revision(self) -> int:
        with self._database.read() as connection:
            return _revision(connection)

    def identities(self) -> Identities:
        with self._database.read() as connection:
            # The revision first: a change in between is then read again, not missed.
            revision = _revision(connection)
            users = connection.execute(sa.select(USERS).order_by(USERS.c.id)).all()
            keys = connection.execute(sa.select(API_KEYS).order_by(API_KEYS.c.id)).all()
        return Identities(
            revision=revision,
            users=tuple(replace(codec.decode(row.body, User), id=row.id) for row in users),
            keys=tuple(replace(codec.decode(row.body, ApiKey), id=row.id) for row in keys),
        )

    def user_named(self, username: str) -> User | None:
        with self._database.read() as connection:
            row = connection.execute(sa.select(USERS).where(USERS.c.username == username)).first()
        return None if row is None else replace(codec.decode(row.body, User), id=row.id)

    def add_user(self, user: User, *, first: bool = False) -> User:
        with self._database.write() as connection:
            if first and connection.execute(sa.select(USERS.c.id).limit(1)).first():
                raise Conflict("There are users already.")
            _check_username(connection, user)
            body = codec.encode(user)
            done = connection.execute(sa.insert(USERS).values(username=user.username, body=body))
            _changed(connection)
            return replace(user, id=_new_id(done))

    def change_user(self, user_id: int, change: Callable[[User], User]) -> User:
        with self._database.write() as connection:
            after = change(_user(connection, user_id))
            _check_username(connection, after)
            connection.execute(
                sa.update(USERS)
                .where(USERS.c.id == user_id)
                .values(username=after.username, body=codec.encode(after))
            )
            _changed(connection)
        return after

    def remove_user(self, user_id: int) -> None:
        with self._database.write() as connection:
            _user(connection, user_id)
            connection.execute(sa.delete(USERS).where(USERS.c.id == user_id))
            _end_sessions(connection, user_id)
            for row in connection.execute(sa.select(API_KEYS)).all():
                if codec.decode(row.body, ApiKey).owner_id == user_id:
                    connection.execute(sa.delete(API_KEYS).where(API_KEYS.c.id == row.id))
            _changed(connection)

    def add_key(self, key: ApiKey) -> ApiKey:
        with self._database.write() as connection:
            done = connection.execute(
                sa.insert(API_KEYS).values(digest=key.digest, body=codec.encode(key))
            )
            _changed(connection)
            return replace(key, id=_new_id(done))

    def change_key(self, key_id: int, change: Callable[[ApiKey], ApiKey]) -> ApiKey:
        with self._database.write() as connection:
            after = change(_key(connection, key_id))
            connection.execute(
                sa.update(API_KEYS)
                .where(API_KEYS.c.id == key_id)
                .values(digest=after.digest, body=codec.encode(after))
            )
            _changed(connection)
        return after

    def remove_key(self, key_id: int) -> None:
        with self._database.write() as connection:
            _key(connection, key_id)
            connection.execute(sa.delete(API_KEYS).where(API_KEYS.c.id == key_id))
            _changed(connection)

    def keep_session(self, digest: str, user_id: int, expires_s: float, now_s: float) -> None:
        with self._database.write() as connection:
            connection.execute(sa.delete(REFRESH_TOKENS).where(REFRESH_TOKENS.c.expires_s < now_s))
            connection.execute(
                sa.insert(REFRESH_TOKENS).values(
                    digest=digest, user_id=user_id, expires_s=expires_s, used=0
                )
            )

    def use_session(self, digest: str, now_s: float) -> int | None:
        with self._database.write() as connection:
            row = connection.execute(
                sa.select(REFRESH_TOKENS).where(REFRESH_TOKENS.c.digest == digest)
            ).first()
            if row is None or row.expires_s < now_s:
                return None
            if row.used:
                _end_sessions(connection, row.user_id)
                _end_access_tokens(connection, row.user_id)
                return None
            connection.execute(
                sa.update(REFRESH_TOKENS).where(REFRESH_TOKENS.c.digest == digest).values(used=1)
            )
            return int(row.user_id)

    def end_session(self, digest: str) -> None:
        with self._database.write() as connection:
            connection.execute(sa.delete(REFRESH_TOKENS).where(REFRESH_TOKENS.c.digest == digest))

    def end_sessions(self, user_id: int) -> None:
        with self._database.write() as connection:
            _end_sessions(connection, user_id)


def _end_sessions(connection: Connection, user_id: int) -> None:
    connection.execute(sa.delete(REFRESH_TOKENS).where(REFRESH_TOKENS.c.user_id == user_id))


def _end_access_tokens(connection: Connection, user_id: int) -> None:
    row = connection.execute(sa.select(USERS).where(USERS.c.id == user_id)).first()
    if row is None:
        return
    user = codec.decode(row.body, User)
    ended = replace(user, token_version=user.token_version + 1)
    connection.execute(
        sa.update(USERS).where(USERS.c.id == user_id).values(body=codec.encode(ended))
    )
    _changed(connection)


def _user(connection: Connection, user_id: int) -> User:
    row = connection.execute(sa.select(USERS).where(USERS.c.id == user_id)).first()
    if row is None:
        raise NotFound(f"There is no user {user_id}.")
    return replace(codec.decode(row.body, User), id=row.id)


def _key(connection: Connection, key_id: int) -> ApiKey:
    row = connection.execute(sa.select(API_KEYS).where(API_KEYS.c.id == key_id)).first()
    if row is None:
        raise NotFound(f"There is no API key {key_id}.")
    return replace(codec.decode(row.body, ApiKey), id=row.id)


def _check_username(connection: Connection, user: User) -> None:
    row = connection.execute(sa.select(USERS.c.id).where(USERS.c.username == user.username)).first()
    if row is not None and row.id != user.id:
        raise Conflict(f"There is a user '{user.username}' already.", "Choose another name.")


def _new_id(done: sa.CursorResult[tuple[object, ...]]) -> int:
    key = done.inserted_primary_key
    assert key is not None
    return int(key[0])


def _changed(connection: Connection) -> None:
    bump(connection, _STAMP)
    bump(connection)


def _revision(connection: Connection) -> int:
    return int(connection.execute(_READ_REVISION).scalar() or 0)


_READ_REVISION = sa.select(STAMPS.c.value).where(STAMPS.c.name == _STAMP)
