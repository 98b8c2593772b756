"""The only module that speaks SQL."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

TABLE = """CREATE TABLE IF NOT EXISTS endpoints (
    service TEXT, name TEXT, record BLOB, owner TEXT, expires REAL, PRIMARY KEY (service, name))"""
CLAIM = """INSERT INTO endpoints VALUES (:service, :name, :record, :owner, :expires)
    ON CONFLICT (service, name) DO UPDATE
    SET record = :record, owner = :owner, expires = :expires
    WHERE owner = :owner OR expires <= :now"""
RELEASE = "DELETE FROM endpoints WHERE service = ? AND name = ? AND owner = ?"
BUSY = 0.5  # seconds to wait for the lock; a watch has to return within a second of its stop


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The database, which must exist; raises ``sqlite3.Error``."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY)) as connection, connection:
        yield connection


def rows(path: Path) -> list[tuple[str, str, bytes, bool]]:
    """All rows: service, name, record, and whether its lease still runs."""
    with opened(path) as connection:
        return connection.execute(
            "SELECT service, name, record, expires > ? FROM endpoints", (time.time(),)
        ).fetchall()


def claim(path: Path, service: str, name: str, record: str, owner: str, ttl: float) -> bool:
    """Write the row or renew it; false while another owner's lease runs."""
    now = time.time()
    row = {"service": service, "name": name, "record": record, "owner": owner}
    with opened(path) as connection:
        connection.execute(TABLE)
        return connection.execute(CLAIM, row | {"now": now, "expires": now + ttl}).rowcount == 1


def release(path: Path, service: str, name: str, owner: str) -> None:
    """Delete the row if it is this owner's."""
    with opened(path) as connection:
        connection.execute(RELEASE, (service, name, owner))
