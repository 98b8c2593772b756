"""A generation: one snapshot rendered to a configuration, numbered."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from lbdisc.values import Change, Snapshot


@dataclass(frozen=True, kw_only=True)
class Generation:
    """``number`` counts from 1 in a state folder's life; ``change`` is the way from the last."""

    number: int
    snapshot: Snapshot
    text: str
    change: Change

    @cached_property
    def digest(self) -> str:
        """The first 12 hexadecimal digits of the text's SHA-256."""
        return sha256(self.text.encode()).hexdigest()[:12]
