"""Users, keys and the ledger over a real store, at a time that a test sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from xinfer.domain.identity import Principal
from xinfer.services.access_token import AccessTokens
from xinfer.services.audit import Audit
from xinfer.services.directory import Directory, fixed_principal
from xinfer.services.keys import Keys
from xinfer.services.meter import Meter
from xinfer.services.password import Passwords
from xinfer.services.secret import digest
from xinfer.services.sessions import AccountStores, Sessions
from xinfer.services.usage import Usage
from xinfer.services.users import Users
from xinfer.store.audit import AuditStore
from xinfer.store.database import Database
from xinfer.store.identity import IdentityStore
from xinfer.store.usage import UsageStore

ADMIN_KEY = "xf-admin"
SECRET = "s" * 64


@dataclass
class People:
    """One process's view of who may call; several may share a store."""

    url: str
    now: float = 1_000_000.0
    admin: Principal = field(default_factory=lambda: fixed_principal(ADMIN_KEY, "admin key"))

    def __post_init__(self) -> None:
        database = Database(self.url)
        database.migrate()
        self.store = IdentityStore(database)
        self.ledger = UsageStore(database)
        self.audit_store = AuditStore(database)
        self.tokens = AccessTokens(SECRET)
        fixed = {digest(ADMIN_KEY): self.admin}
        self.directory = Directory(self.store, self.tokens, fixed, self.clock)
        self.directory.refresh()

    def clock(self) -> float:
        return self.now

    @cached_property
    def stores(self) -> AccountStores:
        store = self.store
        return AccountStores(reader=store, users=store, sessions=store, audit=self.audit_store)

    @cached_property
    def passwords(self) -> Passwords:
        return Passwords()

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(self.stores, self.passwords, self.tokens, self.clock)

    @cached_property
    def users(self) -> Users:
        return Users(
            self.stores, self.passwords, self.directory, self.directory.refresh, self.clock
        )

    @cached_property
    def keys(self) -> Keys:
        return Keys(self.store, self.store, self.directory.refresh, self.clock)

    @cached_property
    def audit(self) -> Audit:
        return Audit(self.audit_store, self.directory, self.clock)

    @cached_property
    def usage(self) -> Usage:
        return Usage(self.ledger, self.directory)

    def meter(self, share: int = 1) -> Meter:
        return Meter(self.ledger, share=share, clock=self.clock)
