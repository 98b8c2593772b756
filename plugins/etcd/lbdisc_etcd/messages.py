"""What a session answers with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """A key with its value; ``lease`` is 0 without one."""

    key: bytes
    value: bytes
    mod_revision: int
    lease: int


@dataclass(frozen=True, slots=True)
class Page:
    """A part of what is under a prefix, at ``revision`` of the cluster ``cluster``."""

    records: tuple[Record, ...]
    more: bool
    cluster: int
    revision: int


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """``value`` is None for a deletion."""

    key: bytes
    value: bytes | None
    revision: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of a watch, in order, as of ``revision`` of the cluster ``cluster``."""

    events: tuple[KeyEvent, ...]
    cluster: int
    revision: int


@dataclass(frozen=True, slots=True)
class Found:
    """What is at a key, if anything, as of ``revision`` of the cluster."""

    record: Record | None
    revision: int
