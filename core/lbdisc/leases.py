"""What the entries of a registry live by, as the registry calls it, and how they ended.

It is for people who ask later, and for nothing else: no endpoint is listed or left out because of
it, and no record that a user writes has to say it.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

from lbdisc.showing import plain

MOST = 100  # characters of what an entry lives by
LeaseEnd = Literal["", "expired", "deleted", "failed", "left"]
Key = tuple[str, str]  # service and name


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """What the entry of ``service/name`` lives by, or lived by.

    ``by`` names it in the registry, as in ``lease 694d97a1`` or ``session 0x10003a``; empty where
    the entry lives by nothing, and only a deletion ends it. ``ttl_s`` are the seconds that it
    outlives its last renewal, ``renewed_s`` is when the reader saw that (unix seconds), both
    ``None`` where nobody told. ``end`` says how it ended: empty while it lives, and where the
    registry tells no more than that the entry is gone.
    """

    service: str
    name: str
    by: str = ""
    ttl_s: float | None = None
    renewed_s: float | None = None
    end: LeaseEnd = ""

    def __post_init__(self) -> None:
        if not (len(self.by) <= MOST and self.by.isascii() and self.by.isprintable()):
            object.__setattr__(self, "by", plain(self.by, MOST))
        if self.ttl_s is not None and not 0 < self.ttl_s < math.inf:
            object.__setattr__(self, "ttl_s", None)

    @property
    def key(self) -> Key:
        return self.service, self.name

    def __str__(self) -> str:
        ttl = "" if self.ttl_s is None else f" of {self.ttl_s:g} s"
        end = f", {self.end}" if self.end else ""
        return f"{self.service}/{self.name}: {self.by or 'no lease'}{ttl}{end}"


class LeaseBook:
    """The leases that a reader knows, and what of them is news since that was taken last.

    What is not taken stays: one news at most for each entry that was ever known.
    """

    def __init__(self) -> None:
        self._known: dict[Key, Lease] = {}
        self._news: dict[Key, Lease] = {}

    def put(self, lease: Lease) -> None:
        """An entry is there, and lives by that."""
        if self._known.get(lease.key) != lease:
            self._known[lease.key] = self._news[lease.key] = lease

    def renamed(self, key: Key, by: str) -> None:
        """The entry ``key`` is as it was, and lives ``by`` something else, perhaps."""
        lease = self._known.get(key)
        if lease is not None and lease.by != by:
            self.put(replace(lease, by=by))

    def gone(self, key: Key, *, end: LeaseEnd = "", renewed_s: float | None = None) -> None:
        """The entry ``key`` is not there any more."""
        if (lease := self._known.pop(key, None)) is not None:
            self._news[key] = replace(lease, end=end, renewed_s=renewed_s)

    def take(self) -> tuple[Lease, ...]:
        """What is news since the last call."""
        taken, self._news = tuple(self._news.values()), {}
        return taken
