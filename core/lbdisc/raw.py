"""Records as they come from a registry, before anything is made of them."""

from dataclasses import dataclass
from hashlib import blake2b

from lbdisc.errors import EntryError
from lbdisc.records import MAX_RECORD

DIGEST = 16  # bytes of a digest


@dataclass(frozen=True, slots=True)
class Oversized:
    """Stands for ``size`` bytes that are too large for a record: they are not kept."""

    size: int


Raw = bytes | Oversized


def bounded(value: bytes) -> Raw:
    """``value``, if it may be a record."""
    return value if len(value) <= MAX_RECORD else Oversized(len(value))


def content(value: Raw) -> bytes:
    """The bytes of ``value``. Raises ``EntryError`` for what is too large."""
    if isinstance(value, Oversized):
        raise EntryError(f"{value.size} bytes: at most {MAX_RECORD}")
    return value


def digest(value: Raw) -> bytes:
    """What tells ``value`` from any other, and can stand for it where it is not kept."""
    if isinstance(value, Oversized):
        return b"%d" % value.size
    return blake2b(value, digest_size=DIGEST).digest()
