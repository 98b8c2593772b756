"""Registrar ``sqlite``: keeps one row."""

import secrets
import sqlite3
from collections.abc import Callable
from threading import Event

import structlog

from lbdisc import Endpoint, records
from lbdisc.errors import RegistrarError

from . import database
from .settings import SqliteSettings

log = structlog.get_logger("lbdisc.sqlite")
LOOK = 0.1  # seconds between two looks at the endpoint


class SqliteRegistrar:
    """Holds the row until stopped; another owner's row is waited for."""

    def __init__(self, settings: SqliteSettings) -> None:
        self._settings = settings
        self._owner = secrets.token_hex(8)
        self._waiting = False

    def hold(self, endpoint: Callable[[], Endpoint], stop: Event) -> None:
        current = endpoint()
        try:
            while not stop.is_set():
                held = self._keep(current)
                stop.wait(min(LOOK, self._settings.ttl / 3))
                # To read the endpoint again tells the core that this one is registered.
                current = endpoint() if held else current
            self._keep(current.drain())
            database.release(self._settings.path, *current.key, self._owner)
        except sqlite3.Error as error:
            raise RegistrarError(f"sqlite.path: {self._settings.path}: {error}") from error

    def _keep(self, endpoint: Endpoint) -> bool:
        record = records.write(endpoint)
        held = database.claim(
            self._settings.path, *endpoint.key, record, self._owner, self._settings.ttl
        )
        if not held and not self._waiting:
            log.warning("another holds this name: waiting", endpoint=str(endpoint))
        self._waiting = not held
        return held
