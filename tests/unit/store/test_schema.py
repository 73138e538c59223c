"""An empty store gets today's tables at once, an older one by migrations; both end up the same."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

import xinfer.store
from xinfer.errors import StoreFailed
from xinfer.store.cluster_store import ClusterStore
from xinfer.store.database import HEAD, Database

MIGRATIONS = Path(xinfer.store.__file__).parent / "migrations"


def schema(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Columns and indices of every table but Alembic's own; whose numbers never come again."""
    with sqlite3.connect(path) as connection:
        tables = connection.execute(
            "SELECT name, tbl_name, type FROM sqlite_master WHERE tbl_name != 'alembic_version'"
            " AND name NOT LIKE 'sqlite_%' ORDER BY name"
        ).fetchall()
        numbered = connection.execute(
            "SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%' ORDER BY name"
        ).fetchall()
        found = {
            name: connection.execute(f"PRAGMA {kind}_xinfo({name})").fetchall()
            for name, _, kind in tables
        }
        return found | {"numbered for good": numbered}


def test_the_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_migrating_from_the_beginning_gives_the_tables_of_an_empty_store(tmp_path: Path) -> None:
    Database(f"sqlite:///{tmp_path}/fresh.db").migrate()
    with sqlite3.connect(tmp_path / "old.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT PRIMARY KEY)")
        connection.execute("INSERT INTO alembic_version VALUES ('base')")
        connection.execute("DELETE FROM alembic_version")
    old = Database(f"sqlite:///{tmp_path}/old.db")
    with old.write() as connection:
        old._upgrade(connection)
    assert schema(tmp_path / "old.db") == schema(tmp_path / "fresh.db")
    old.migrate()
    assert ClusterStore(old).desired().revision == 0


def test_a_store_of_the_current_schema_is_opened_without_alembic(tmp_path: Path) -> None:
    code = (
        "import sys; from xinfer.store.database import Database\n"
        f"for _ in range(2): Database('sqlite:///{tmp_path}/x.db').migrate()\n"
        "assert not [name for name in sys.modules if name.startswith('alembic')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=150)


def test_a_store_of_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    Database(url).migrate()
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreFailed, match="not known") as caught:
        Database(url).migrate()
    assert "newer xinfer" in caught.value.hint
    with sqlite3.connect(tmp_path / "x.db") as connection:
        assert connection.execute("SELECT * FROM alembic_version").fetchall() == [("9999",)]


def test_several_processes_may_start_on_an_empty_folder_at_once(tmp_path: Path) -> None:
    failures: list[StoreFailed] = []

    def start(url: str) -> None:
        try:
            Database(url).migrate()
        except StoreFailed as error:
            failures.append(error)

    for turn in range(20):
        url = f"sqlite:///{tmp_path}/{turn}/x.db"
        threads = [threading.Thread(target=start, args=(url,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
