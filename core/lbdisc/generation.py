"""A generation: one snapshot rendered to a configuration, numbered."""

from dataclasses import dataclass
from functools import cached_property

from lbdisc.rendered import Rendered
from lbdisc.values import Change, Snapshot


@dataclass(frozen=True, kw_only=True)
class Generation:
    """``number`` counts from 1 in a state folder's life; ``change`` is the way from the last."""

    number: int
    snapshot: Snapshot
    rendered: Rendered
    change: Change

    @cached_property
    def digest(self) -> str:
        """12 hexadecimal digits that stand for the text and all further files."""
        return self.rendered.digest[:12]
