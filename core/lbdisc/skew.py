"""How far another's clock is from this machine's, as far as a look at it from here tells."""

from dataclasses import dataclass
from typing import Self

from lbdisc.examining import Diagnosis, ok, warn

LIMIT = 2.0  # seconds that clocks may differ
BY_NTP = "set the clocks by NTP, there and here (timedatectl, chronyc tracking)"


@dataclass(frozen=True, slots=True)
class Skew:
    """Another's clock is from ``least`` to ``most`` seconds ahead of ours; below 0 it is behind."""

    least: float
    most: float

    @classmethod
    def seen(cls, said_s: float, *, resolution: float, asked_s: float, took: float) -> Self:
        """Of a clock that said ``said_s`` somewhere in the ``took`` seconds from ``asked_s`` on.

        Both are unix seconds, ``resolution`` how many of them it leaves out. Who answers slowly is
        known less well, and is not taken for one whose clock is wrong.
        """
        return cls(said_s - asked_s - took, said_s + resolution - asked_s)

    @property
    def certain(self) -> float:
        """By how many seconds it is ahead at least, or behind where it is below 0."""
        return max(self.least, 0.0) + min(self.most, 0.0)

    @property
    def is_possible(self) -> bool:
        """Not so where what was seen contradicts itself: one of both clocks was set meanwhile."""
        return self.least <= self.most

    def __str__(self) -> str:
        """How it stands to this machine's clock."""
        if self.certain:
            middle, half = (self.least + self.most) / 2, (self.most - self.least) / 2
            beside = f"{abs(middle):.1f} s (± {half:.1f})"
            if half > abs(self.certain):
                beside = f"at least {abs(self.certain):.1f} s"
            ahead = self.certain > 0
            return f"{beside} " + ("ahead of this machine's" if ahead else "behind this machine's")
        return (
            f"at most {self.most:.1f} s ahead of this machine's, and {abs(self.least):.1f} s behind"
        )


def compared(skew: Skew, clock: str, *, touches: str) -> Diagnosis:
    """What is to be said of ``clock``; ``touches`` is what a difference does, and does not."""
    said = f"{clock} is {skew}; {touches}"
    return warn(said, BY_NTP) if abs(skew.certain) > LIMIT else ok(said)
