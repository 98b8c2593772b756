"""What a file says: an endpoint, and for how long it holds without another word."""

import json
from dataclasses import dataclass
from typing import Any

from lbdisc import formats, records
from lbdisc.errors import EntryError, shown
from lbdisc.raw import Oversized, Raw, content
from lbdisc.values import Endpoint, check_name, check_service
from lbdisc_doozer.names import decoded, encoded
from lbdisc_doozer.settings import DoozerSettings

OWNER, BEAT, TTL = "owner", "beat", "ttl"  # members that other readers pass over
SHORTEST, LONGEST = 1.0, 3600.0  # seconds of a ttl
SHAPE = "a path is PREFIX/SERVICE/NAME"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """``endpoint`` is ``None`` for one that says of itself it is not there; ``ttl`` for ever.

    ``owner`` is who writes it, as far as it says so.
    """

    endpoint: Endpoint | None
    ttl: float | None = None
    owner: str = ""


def path_of(settings: DoozerSettings, service: str, name: str) -> str:
    return f"{settings.prefix}/{encoded(service)}/{encoded(name)}"


def read(settings: DoozerSettings, path: str, value: Raw) -> FileRecord:
    """What the file at ``path`` says. Raises ``EntryError``."""
    parts = path.removeprefix(f"{settings.prefix}/").split("/")
    if len(parts) != 2:
        raise EntryError(SHAPE)
    service, name = check_service(decoded(parts[0])), check_name(decoded(parts[1]))
    if settings.format != "lbdisc":
        found = formats.parse(
            settings.format, content(value), service=service, name=name, port=settings.port
        )
        return FileRecord(found)
    record = records.load_object(content(value))
    endpoint = records.from_object(record, service=service, name=name, port=settings.port)
    owner = record.get(OWNER)
    return FileRecord(endpoint, _ttl(record.get(TTL)), owner if isinstance(owner, str) else "")


def _ttl(value: Any) -> float | None:
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and SHORTEST <= value <= LONGEST:  # no NaN is in between
        return float(value)
    raise EntryError(f"bad ttl {shown(value)}: {SHORTEST:g} to {LONGEST:g} seconds")


def write(endpoint: Endpoint, *, owner: str, ttl: float, beat: int) -> bytes:
    """A registration of ``endpoint``: each ``beat`` is another record that says the same."""
    record = {**records.to_object(endpoint), TTL: ttl, BEAT: beat, OWNER: owner}
    return json.dumps(record, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Signature:
    """Whose a record is: ``owner`` is empty, ``ttl`` ``None`` where it does not say."""

    owner: str = ""
    ttl: float | None = None
    beat: int = 0


def claim_of(value: Raw) -> Signature:
    """Of anything at all."""
    if isinstance(value, Oversized):
        return Signature()
    try:
        record = records.load_object(value)
        ttl = _ttl(record.get(TTL))
    except EntryError:
        return Signature()
    owner, beat = record.get(OWNER), record.get(BEAT)
    return Signature(
        owner if isinstance(owner, str) else "",
        ttl,
        beat if isinstance(beat, int) and abs(beat) < 1 << 53 else 0,
    )
