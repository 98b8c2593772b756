"""Registrar ``sqlite``: one row for each entry."""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from lbdisc import Endpoint, records
from lbdisc.errors import RegistrarError

from . import database
from .settings import SqliteSettings


class SqliteRegistrar:
    """Another owner's row is left alone while its lease runs."""

    def __init__(self, settings: SqliteSettings) -> None:
        self._settings = settings
        self._owner = secrets.token_hex(8)

    def reclaim_as(self, owner: str) -> None:
        self._owner = owner

    @contextmanager
    def open(self, endpoint: Endpoint, stop: Event) -> Iterator["_Row"]:
        try:
            yield _Row(self._settings, endpoint.key, self._owner)
        except sqlite3.Error as error:
            raise RegistrarError(f"sqlite.path: {self._settings.path}: {error}") from error


class _Row:
    lost = None  # a table tells nobody that a row is gone
    rival = ""

    def __init__(self, settings: SqliteSettings, key: tuple[str, str], owner: str) -> None:
        self._path, self._key, self._owner = settings.path, key, owner
        self.lease = settings.ttl

    def put(self, endpoint: Endpoint) -> bool:
        record = records.write(endpoint)
        return database.claim(self._path, *self._key, record, self._owner, self.lease)

    def remove(self) -> None:
        database.release(self._path, *self._key, self._owner)
