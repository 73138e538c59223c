"""Where everything of one installation lies under its home folder. Names only, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Home:
    """`root` is the home folder; every other path derives from it."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "state" / "xinfer.db"

    @property
    def sqlite_url(self) -> str:
        """SQLAlchemy's URL of that file."""
        return f"sqlite:///{self.database}"

    @property
    def run(self) -> Path:
        """Files of the running processes: configuration, pid records, leases."""
        return self.root / "run"

    @property
    def launcher_record(self) -> Path:
        return self.run / "launcher.json"

    @property
    def role_config(self) -> Path:
        """The compiled settings that the launcher hands to the roles."""
        return self.run / "roles.json"

    @property
    def cluster_token(self) -> Path:
        """Secret (0600) by which roles of one cluster know each other."""
        return self.run / "cluster.token"

    @property
    def admin_key(self) -> Path:
        """The API key (0600) that was made because none was declared."""
        return self.run / "admin.key"

    @property
    def token_secret(self) -> Path:
        """Secret (0600) that signs the access tokens of users."""
        return self.run / "token.secret"

    @property
    def node_lease(self) -> Path:
        """Touched by the worker once a second; shims end their engines when it goes stale."""
        return self.run / "node.lease"

    @property
    def worker_address(self) -> Path:
        """`host:port` of the API of the worker that runs here."""
        return self.run / "worker.address"

    @property
    def downloads(self) -> Path:
        """What this node downloads without a launch; a new worker goes on with it."""
        return self.run / "downloads.json"

    @property
    def metrics(self) -> Path:
        """Memory-mapped metric files shared by the gunicorn workers of the supervisor."""
        return self.run / "metrics"

    @property
    def replicas(self) -> Path:
        return self.root / "replicas"

    def replica(self, replica_id: str) -> Path:
        """The folder of one replica: launch order, shim record, exit record, engine log."""
        return self.replicas / replica_id

    @property
    def envs(self) -> Path:
        """Python environments that were built for engines: `<engine>-<accelerator>`."""
        return self.root / "envs"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def cache(self) -> Path:
        return self.root / "cache"
