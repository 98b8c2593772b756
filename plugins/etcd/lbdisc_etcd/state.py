"""What is under the prefix, decoded key by key: one change among thousands costs one parse."""

from collections.abc import Sequence
from functools import partial

from lbdisc import formats
from lbdisc.errors import EntryError
from lbdisc.formats import Format
from lbdisc.listed import Listed
from lbdisc.problems import Problems
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
        self._listed = Listed()
        self._problems = Problems[bytes]()

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
            self._problems.drop(key)
            self._keys[key] = found.key
            self._listed.put(found.key, found)
        else:
            self._remove(key)
            if found is None:
                self._problems.drop(key)
            else:
                self._problems.put(key, found)
        self._values[key] = value

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
        self._problems.drop(key)
        self._remove(key)

    def _remove(self, key: bytes) -> None:
        place = self._keys.pop(key, None)
        if place is not None:
            self._listed.put(place, None)

    def replace(self, records: Sequence[Record]) -> dict[bytes, Endpoint]:
        """Take ``records`` for all there is; returns the endpoints that are gone, by key.

        What is as it was is not decoded again.
        """
        gone = self._values.keys() - {record.key for record in records}
        lost = {key: self._listed[self._keys[key]] for key in gone if key in self._keys}
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
        return Snapshot(self._listed.endpoints, self._problems.named, self._problems.more)
