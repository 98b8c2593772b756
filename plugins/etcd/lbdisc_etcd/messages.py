"""What a session answers with."""

from dataclasses import dataclass

from lbdisc.raw import Raw


@dataclass(frozen=True, slots=True)
class Record:
    """A key with its value; ``lease`` is 0 without one."""

    key: bytes
    value: Raw
    mod_revision: int
    lease: int


@dataclass(frozen=True, slots=True)
class Page:
    """A part of what is under a prefix, at ``revision`` of the cluster ``cluster``.

    ``size`` is how many bytes it took.
    """

    records: tuple[Record, ...]
    more: bool
    cluster: int
    revision: int
    size: int = 0


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """``value`` is None for a deletion; ``lease`` is that of a written key, 0 without one."""

    key: bytes
    value: Raw | None
    revision: int
    lease: int = 0

    @property
    def weight(self) -> int:
        """About how many bytes it takes."""
        return OVERHEAD + len(self.key) + (len(self.value) if isinstance(self.value, bytes) else 0)


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of a watch, in order, as of ``revision`` of ``cluster``, which is 0 if unknown."""

    events: tuple[KeyEvent, ...]
    cluster: int
    revision: int

    @property
    def weight(self) -> int:
        return OVERHEAD + sum(event.weight for event in self.events)


@dataclass(frozen=True, slots=True)
class Found:
    """What is at a key, if anything, as of ``revision`` of the cluster."""

    record: Record | None
    revision: int


OVERHEAD = 200  # bytes of an event or a batch besides what it holds
