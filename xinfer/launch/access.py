"""Who may call, wired in one process: users, keys, sessions, the meter and their resources."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from gevent.threadpool import ThreadPool

from xinfer.api.app import Gate
from xinfer.api.auth import Authenticator
from xinfer.api.cors import Cors
from xinfer.api.resources.keys import Keys as KeysResource
from xinfer.api.resources.token import Setup, Token
from xinfer.api.resources.usage import Audit as AuditResource
from xinfer.api.resources.usage import Usage as UsageResource
from xinfer.api.resources.users import Users as UsersResource
from xinfer.api.routes import AccessResources
from xinfer.domain.cluster import Settings
from xinfer.errors import StoreFailed
from xinfer.launch.credentials import Credentials, is_loopback
from xinfer.services.access_token import AccessTokens
from xinfer.services.audit import Audit
from xinfer.services.directory import Directory
from xinfer.services.keys import Keys
from xinfer.services.meter import Meter
from xinfer.services.password import Passwords
from xinfer.services.sessions import AccountStores, Sessions
from xinfer.services.usage import Usage
from xinfer.services.users import Users
from xinfer.store.audit import AuditStore
from xinfer.store.database import Database
from xinfer.store.identity import IdentityStore
from xinfer.store.usage import UsageStore

log = logging.getLogger("xinfer.supervisor")

_HASHES_AT_ONCE = 2


class Access:
    """`look` lets this process see a change that it made at once."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        credentials: Credentials,
        look: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._look = look
        self._store = IdentityStore(database)
        self._audit_store = AuditStore(database)
        self._ledger = UsageStore(database)
        self._tokens = AccessTokens(credentials.token_secret)
        self.directory = Directory(self._store, self._tokens, credentials.principals())
        self.audit = Audit(self._audit_store, self.directory)
        self.meter = Meter(self._ledger, share=settings.gateway.workers)

    def start(self) -> None:
        """Know who may call, and begin to write the ledger."""
        self.directory.refresh()
        threading.Thread(target=self.meter.run, daemon=True).start()

    def stop(self) -> None:
        """Write the ledger once more."""
        try:
            self.meter.flush()
        except StoreFailed as error:
            log.error("The last seconds of usage are not in the ledger: %s", error)

    def gate(self) -> Gate:
        """What stands before every route."""
        auth = self._settings.auth
        authenticator = Authenticator(
            enabled=self._credentials.needed,
            directory=self.directory,
            cluster_token=self._credentials.cluster_token,
        )
        cors = Cors(
            auth.cors_origins,
            credentials_needed=self._credentials.needed,
            alone=is_loopback(self._settings.cluster.host),
        )
        return Gate(authenticator=authenticator, cors=cors, audit=self.audit)

    def resources(self) -> AccessResources:
        """The routes of this part."""
        store = self._store
        stores = AccountStores(reader=store, users=store, sessions=store, audit=self._audit_store)
        passwords = Passwords(_aside(ThreadPool(_HASHES_AT_ONCE)))
        sessions = Sessions(stores, passwords, self._tokens)
        users = Users(stores, passwords, self.directory, self._look)
        return AccessResources(
            token=Token(sessions),
            setup=Setup(users, auth=self._credentials.needed),
            users=UsersResource(users),
            keys=KeysResource(Keys(store, store, self._look), self.directory),
            usage=UsageResource(Usage(self._ledger, self.directory)),
            audit=AuditResource(self.audit),
        )


def _aside(pool: ThreadPool) -> Callable[[Callable[[], Any]], Any]:
    """A password's hash would stop all greenlets of the process; in a thread it stops none."""
    return lambda work: pool.apply(work)
