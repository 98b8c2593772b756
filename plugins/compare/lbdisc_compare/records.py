"""What a comparison writes down, a line of JSON each (NDJSON)."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A line. ``way``, ``measure`` and ``round`` name the cell that it belongs to."""

    kind: ClassVar[str]
    way: str = ""
    measure: str = ""
    round: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHeader(Noted):
    """The first line: where, with what and how. ``at`` is Unix time in seconds."""

    kind: ClassVar[str] = "header"
    at: float
    seed: int
    scale: str  # quick or full
    nodes: int
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    ways: tuple[str, ...]
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    thinned: str = ""  # what was left out of the file afterwards
    cells: int = 0  # how many the whole run has; 0: not noted


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Noted):
    """One value of a figure. ``where`` are its conditions, such as ``{"frozen": "4 of 10"}``.

    ``t`` is seconds since the cell began.
    """

    kind: ClassVar[str] = "sample"
    figure: str
    value: float
    unit: str
    t: float = 0.0
    where: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening(Noted):
    """Something happened at ``t`` seconds since the cell began: a line of a timeline.

    ``what``: ``fault``, ``healed``, ``joined``, ``left``, ``up``, ``down``, ``gone``, ``lost`` (a
    request), ``note``. ``whom`` is a node, a server or a balancer, ``seat`` the balancer that says
    so, ``scene`` the scene of a measure that has several.
    """

    kind: ClassVar[str] = "happening"
    t: float
    what: str
    whom: str = ""
    seat: str = ""
    scene: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence(Noted):
    """Not measured, and why: a program is missing, a right, or the way cannot do that."""

    kind: ClassVar[str] = "absent"
    why: str
    figure: str = ""  # empty: the whole cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown(Noted):
    """A cell failed; what it had measured before stands before this line."""

    kind: ClassVar[str] = "failed"
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CellEnd(Noted):
    """A cell is done. Loads are of other programs: shares of all processors, 0 to 1."""

    kind: ClassVar[str] = "done"
    at: float
    took: float
    load_before: float
    load_during: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated(Noted):
    """One point of a simulation; never mixed with what was measured. ``way`` is the protocol."""

    kind: ClassVar[str] = "simulated"
    figure: str
    value: float
    unit: str
    where: Mapping[str, Any] = field(default_factory=dict)


KINDS: dict[str, type[Noted]] = {
    kind.kind: kind
    for kind in (RunHeader, Sample, Happening, Absence, Breakdown, CellEnd, Simulated)
}


def line(noted: Noted) -> str:
    """``noted`` as one line of JSON, without its end."""
    return json.dumps({"kind": noted.kind, **dataclasses.asdict(noted)}, ensure_ascii=False)


def noted(text: str) -> Noted:
    """What ``line`` made. Raises ``ValueError``."""
    try:
        fields = json.loads(text)
        kind = KINDS[fields.pop("kind")]
        known = {field.name for field in dataclasses.fields(kind)}
        return kind(**{name: value for name, value in fields.items() if name in known})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a line of a comparison: {text[:80]!r}") from error
