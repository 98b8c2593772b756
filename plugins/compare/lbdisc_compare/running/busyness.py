"""How busy the machine is with what is not ours."""

import os
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Self

STAT = Path("/proc/stat")
BUSY = 0.3  # other programs' share of all processors beyond which no ratio is told
IDLE = (3, 4)  # idle and iowait, proc(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Processors:
    """What all processors did so far, in seconds: of all programs, and of children that ended."""

    all: float
    busy: float
    ours: float

    @classmethod
    def now(cls) -> Self:
        """Where the kernel tells nothing (no /proc), all is zero."""
        try:
            words = STAT.read_text().split("\n", 1)[0].split()[1:9]
        except OSError:
            words = ["0"] * 8
        ticks = [int(word) / os.sysconf("SC_CLK_TCK") for word in words]
        mine = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ours = sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, mine))
        return cls(all=sum(ticks), busy=sum(ticks) - sum(ticks[at] for at in IDLE), ours=ours)

    def others_since(self, before: "Processors") -> float:
        """The share of all processors, 0 to 1, that other programs took since ``before``."""
        whole = self.all - before.all
        if whole <= 0:
            return 0.0
        others = (self.busy - before.busy) - (self.ours - before.ours)
        return min(1.0, max(0.0, others / whole))
