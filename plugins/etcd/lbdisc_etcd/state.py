"""What is under the prefix, decoded key by key: one change among thousands costs one parse."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from functools import partial

from lbdisc import formats
from lbdisc.errors import EntryError
from lbdisc.formats import Format
from lbdisc.reading import read_entry
from lbdisc.values import Endpoint, Problem, Snapshot, check_name, check_service
from lbdisc_etcd.messages import Record


class Records:
    """Endpoints and problems by key. Keys are ``PREFIX/SERVICE/NAME``; all, or of one service."""

    def __init__(self, prefix: str, format: Format, port: int | None, service: str = "") -> None:
        self._start = f"{prefix}/".encode()
        self._first = self._start + (f"{service}/".encode() if service else b"")
        self._format = format
        self._port = port
        self._values: dict[bytes, bytes] = {}
        self._keys: dict[bytes, tuple[str, str]] = {}
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        self._order: list[tuple[str, str]] = []
        self._problems: dict[bytes, Problem] = {}

    @property
    def range(self) -> tuple[bytes, bytes]:
        """The first key and the one after the last: all that is below, and no neighbour."""
        return self._first, self._first[:-1] + b"0"  # "0" follows "/"

    def put(self, key: bytes, value: bytes) -> None:
        """Take a record in; one that breaks the rules becomes a problem."""
        if self._values.get(key) == value:
            return
        found = self._read(key, value)
        if isinstance(found, Endpoint):
            self._problems.pop(key, None)
            self._place(key, found)
        else:
            self.delete(key)
            if found is not None:
                self._problems[key] = found
        self._values[key] = value

    def _place(self, key: bytes, endpoint: Endpoint) -> None:
        if key not in self._keys:
            self._keys[key] = endpoint.key
            insort(self._order, endpoint.key)
        self._endpoints[endpoint.key] = endpoint

    def _read(self, key: bytes, value: bytes) -> Endpoint | Problem | None:
        where = key.decode("utf-8", "backslashreplace")
        return read_entry(where, partial(self._decoded, key, value))

    def _decoded(self, key: bytes, value: bytes) -> Endpoint | None:
        parts = key.removeprefix(self._start).split(b"/")
        if len(parts) != 2:
            raise EntryError("a key is PREFIX/SERVICE/NAME")
        service, name = (part.decode("utf-8", "backslashreplace") for part in parts)
        check_service(service)
        check_name(name)
        return formats.parse(self._format, value, service=service, name=name, port=self._port)

    def delete(self, key: bytes) -> None:
        self._values.pop(key, None)
        self._problems.pop(key, None)
        place = self._keys.pop(key, None)
        if place is not None:
            del self._endpoints[place]
            del self._order[bisect_left(self._order, place)]

    def replace(self, records: Sequence[Record]) -> dict[bytes, Endpoint]:
        """Take ``records`` for all there is; returns the endpoints that are gone, by key.

        What is as it was is not decoded again.
        """
        gone = self._values.keys() - {record.key for record in records}
        lost = {key: self._endpoints[self._keys[key]] for key in gone if key in self._keys}
        for key in gone:
            self.delete(key)
        for record in records:
            self.put(record.key, record.value)
        return lost

    def decoded(self, key: bytes, value: bytes) -> Endpoint | None:
        """The endpoint of a record, ``None`` if it is none; nothing is taken in."""
        found = self._read(key, value)
        return found if isinstance(found, Endpoint) else None

    def snapshot(self) -> Snapshot:
        """The state as it is; sorted and unique already, so it is not sorted again."""
        endpoints = tuple(self._endpoints[place] for place in self._order)
        return Snapshot(endpoints, tuple(sorted(self._problems.values())))
