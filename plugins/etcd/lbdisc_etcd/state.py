"""What is under the prefix, decoded key by key: one change among thousands costs one parse."""

from collections.abc import Set as AbstractSet
from functools import partial

from lbdisc import formats, records
from lbdisc.entries import Entries
from lbdisc.errors import EntryError
from lbdisc.formats import Format
from lbdisc.leases import Lease
from lbdisc.raw import DIGEST, Raw, content, digest
from lbdisc.reading import read_entry
from lbdisc.values import Endpoint, Problem, Snapshot, check_name, check_service

MAX_KEY = 600  # bytes below the prefix; what is longer has no name, and is filed by a digest


class Records:
    """Endpoints and problems by key. Keys are ``PREFIX/SERVICE/NAME``; all, or of one service.

    Of what is refused nothing is kept but why, and of all else no more than the endpoint.
    """

    def __init__(self, prefix: str, format: Format, port: int | None, service: str = "") -> None:
        self._start = f"{prefix}/".encode()
        self._first = self._start + (f"{service}/".encode() if service else b"")
        self._longest = len(self._start) + MAX_KEY
        self._format = format
        self._port = port
        self._digests: dict[bytes, bytes] = {}
        self._entries = Entries[bytes]()

    @property
    def range(self) -> tuple[bytes, bytes]:
        """The first key and the one after the last: all that is below, and no neighbour."""
        return self._first, self._first[:-1] + b"0"  # "0" follows "/"

    def filed(self, key: bytes) -> bytes:
        """What stands for ``key`` in here: itself, unless it is too long for a name."""
        if len(key) <= self._longest:
            return key
        return key[: self._longest - DIGEST] + digest(key)

    def knows(self, key: bytes) -> bool:
        """Whether there is an endpoint at ``key``."""
        return self._entries.endpoint(self.filed(key)) is not None

    def differs(self, filed: bytes, value: Raw) -> bool:
        """Whether what is known there is another value, or none."""
        return self._digests.get(filed) != digest(value)

    def put(self, key: bytes, value: Raw, lease: int = 0) -> bytes:
        """Take a record in, and return what it is filed by; one that breaks the rules is a problem.

        What is as it was is not decoded again. ``lease`` is what the key hangs on, 0 for nothing.
        """
        filed, found, by = self.filed(key), digest(value), f"lease {lease:x}" if lease else ""
        if self._digests.get(filed) == found:
            self._entries.lives_by(filed, by)
            return filed
        says_ttl = self._format == "lbdisc" and isinstance(value, bytes)
        ttl_s = records.ttl_in(content(value)) if says_ttl else None
        self._entries.put(filed, self._read(filed, value), by=by, ttl_s=ttl_s)
        self._digests[filed] = found
        return filed

    def _read(self, key: bytes, value: Raw) -> Endpoint | Problem | None:
        where = key.decode("utf-8", "backslashreplace")
        return read_entry(where, partial(self._decoded, key, value))

    def _decoded(self, key: bytes, value: Raw) -> Endpoint | None:
        parts = key.removeprefix(self._start).split(b"/")
        if len(parts) != 2:
            raise EntryError("a key is PREFIX/SERVICE/NAME")
        service, name = (part.decode("utf-8", "backslashreplace") for part in parts)
        check_service(service)
        check_name(name)
        record = content(value)
        return formats.parse(self._format, record, service=service, name=name, port=self._port)

    def delete(self, key: bytes) -> Endpoint | None:
        """Returns the endpoint that was there."""
        filed = self.filed(key)
        self._digests.pop(filed, None)
        return self._entries.remove(filed)

    def keep(self, filed: AbstractSet[bytes]) -> dict[bytes, Endpoint]:
        """Forget all but those that are ``filed`` so; returns the endpoints that go, by key."""
        gone = {key: self.delete(key) for key in self._digests.keys() - filed}
        return {key: endpoint for key, endpoint in gone.items() if endpoint is not None}

    def decoded(self, key: bytes, value: Raw | None) -> Endpoint | None:
        """The endpoint of a record, ``None`` if it is none; nothing is taken in."""
        found = None if value is None else self._read(self.filed(key), value)
        return found if isinstance(found, Endpoint) else None

    def snapshot(self) -> Snapshot:
        return self._entries.snapshot()

    def take_leases(self) -> tuple[Lease, ...]:
        """What is news of leases since the last call."""
        return self._entries.take_leases()
