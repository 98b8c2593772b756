"""lbdisc-sqlite keeps the contract."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from lbdisc import Endpoint
from lbdisc.testing import Backend, ContractSuite
from lbdisc.testing.backend import Ability

TABLE = """CREATE TABLE endpoints (
    service TEXT, name TEXT, record BLOB, owner TEXT, expires REAL, PRIMARY KEY (service, name))"""


class SqliteBackend(Backend):
    """A database that can be moved away, locked and emptied."""

    name = "sqlite"
    cannot: ClassVar[dict[Ability, str]] = {
        "restart": "a database in a file has no server",
        "restart_all": "a database in a file has no server",
        "kill_leader": "a database in a file has no server",
        "compact": "the table keeps no history",
        "leases": "rows have an owner and an end, and no lease with a name",
    }
    detection = 6.0
    patience = 8.0

    def __init__(self, folder: Path) -> None:
        self._path = folder / "endpoints.db"
        self._away = folder / "away.db"
        self._sql = sqlite3.connect(self._path, isolation_level=None)
        self._sql.execute("PRAGMA synchronous = off")
        self._sql.execute("PRAGMA journal_mode = memory")
        self._sql.execute(TABLE)

    def settings(self) -> dict[str, object]:
        return {"sqlite.path": str(self._path), "sqlite.ttl": 1.0}

    def write(self, endpoint: Endpoint) -> None:
        self.write_raw(endpoint.service, endpoint.name, self.valid_record(endpoint))

    def write_raw(self, service: str, name: str, value: bytes) -> None:
        row = (service, name, value, "the test", 1e12)
        self._sql.execute("REPLACE INTO endpoints VALUES (?, ?, ?, ?, ?)", row)

    def remove(self, endpoint: Endpoint) -> None:
        self._sql.execute("DELETE FROM endpoints WHERE service = ? AND name = ?", endpoint.key)

    def cut(self) -> None:
        self._path.rename(self._away)

    def stall(self) -> None:
        self._sql.execute("BEGIN EXCLUSIVE")

    def heal(self) -> None:
        if self._away.exists():
            self._away.rename(self._path)
        if self._sql.in_transaction:
            self._sql.execute("ROLLBACK")

    def wipe(self) -> None:
        self._sql.execute("DELETE FROM endpoints")

    def close(self) -> None:
        self._sql.close()


class TestSqliteContract(ContractSuite):
    plugin = "sqlite"

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Iterator[Backend]:
        with SqliteBackend(tmp_path) as backend:
            yield backend
