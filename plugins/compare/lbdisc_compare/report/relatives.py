"""Ways that were left out of a measure because a relative shows the same there."""

import re
from dataclasses import dataclass

_SAID = re.compile(r"see (?P<way>[\w.-]+): (?P<why>.*?)(?: \(--ways \S+ measures it\))?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """``way`` stands for another one, for the reason ``why``."""

    way: str
    why: str

    def __str__(self) -> str:
        return f"see {self.way}: {self.why}"


def stand_in(why: str) -> StandIn | None:
    """Whom the reason of an absence refers to; ``None`` where it is another kind of reason."""
    found = _SAID.fullmatch(why)
    return StandIn(way=found["way"], why=found["why"]) if found else None
