"""Discovery ``sqlite``: looks at the table several times a second."""

import sqlite3
from contextlib import suppress
from functools import partial
from threading import Event

from lbdisc import Endpoint, Problem, Publish, Snapshot, records
from lbdisc.errors import DiscoveryError
from lbdisc.reading import read_entry

from . import database
from .settings import SqliteSettings


class SqliteDiscovery:
    """Publishes the table's rows; a deleted row left cleanly, an expired one was lost."""

    def __init__(self, settings: SqliteSettings) -> None:
        self._settings = settings

    def watch(self, publish: Publish, stop: Event) -> None:
        published: Snapshot | None = None
        while not stop.is_set():
            revision = self._written()
            now, lost = self._look()
            if published is not None:
                left = published.since(Snapshot()).added
                kept = {endpoint.key for endpoint in now.endpoints} | lost
                leaving = [e.drain() for e in left if e.key not in kept]
                if leaving:
                    draining = Snapshot.of([*now.endpoints, *leaving], now.problems)
                    publish(draining, revision=revision)
            if published is None or (now, now.problems) != (published, published.problems):
                publish(now, revision=revision)
                published = now
            stop.wait(self._settings.poll)

    def _written(self) -> str:
        """When the database was written last: the newest state that a look has seen for sure."""
        with suppress(OSError):
            return str(self._settings.path.stat().st_mtime_ns)
        return ""

    def _look(self) -> tuple[Snapshot, set[tuple[str, str]]]:
        """What the table says, and the keys of the expired rows."""
        try:
            rows = database.rows(self._settings.path)
        except sqlite3.Error as error:
            raise DiscoveryError(f"sqlite.path: {self._settings.path}: {error}") from error
        endpoints: list[Endpoint] = []
        problems: list[Problem] = []
        for service, name, record, alive in rows:
            if alive:
                decode = partial(records.read, record, service=service, name=name)
                found = read_entry(f"row {service!a}/{name!a}", decode)
                if isinstance(found, Problem):
                    problems.append(found)
                else:
                    endpoints.append(found)
        return Snapshot.of(endpoints, problems), {(row[0], row[1]) for row in rows if not row[3]}
