"""What the registry says, and what of it is held or left out."""

from dataclasses import dataclass, field
from typing import ClassVar

from lbdisc.absent import AbsentService
from lbdisc.events.base import Event, Level, Trouble
from lbdisc.leases import Lease
from lbdisc.values import Endpoint, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryNews(Event):
    """The registry's state is another: what ``came``, ``went`` and ``changed`` (before, now).

    As it is published, before anything of it is screened, held or overruled; ``total`` is how
    many there are, of all services that are read. ``cause`` has its revision. ``leases`` say what
    these entries live by, and how those ended that went, as far as the registry tells.
    """

    name: ClassVar[str] = "news"
    level: ClassVar[Level] = "debug"
    came: tuple[Endpoint, ...] = ()
    went: tuple[Endpoint, ...] = ()
    changed: tuple[tuple[Endpoint, Endpoint], ...] = ()
    leases: tuple[Lease, ...] = ()
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntriesSkipped(Event):
    """Entries of the registry break the rules, or the load balancer refuses them; they are skipped,
    and the others stay. ``entries`` are new, at most 100 at a time are named; ``more`` are skipped
    beside those that are, and ``passed`` came and went since it was told last.
    """

    name: ClassVar[str] = "entry skipped"
    level: ClassVar[Level] = "warning"
    entries: tuple[Problem, ...]
    more: int = 0
    passed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EntriesMended(Event):
    """Entries that were skipped are gone, or good; ``more`` are skipped still beside those that
    are named.
    """

    name: ClassVar[str] = "entry mended"
    entries: tuple[Problem, ...]
    more: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicesAbsent(Event):
    """The settings name ``services`` that the registry has no endpoint of, while it has others."""

    name: ClassVar[str] = "service without endpoints"
    level: ClassVar[Level] = "warning"
    services: tuple[AbsentService, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicesPresent(Event):
    """All services that the settings name have endpoints; ``services`` had none before."""

    name: ClassVar[str] = "services have endpoints"
    services: tuple[AbsentService, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointsHeld(Event):
    """``endpoints`` stay listed, whatever the registry says: by the guard, as they vanished with
    many others, or by an operator. It is so for ``since_s`` seconds; in ``for_s`` a clock may let
    them go, ``None`` where none will.
    """

    name: ClassVar[str] = "guard held"
    level: ClassVar[Level] = "warning"
    endpoints: tuple[Endpoint, ...]
    why: str = ""
    by: str = "guard"
    since_s: float = 0.0
    for_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointsReleased(Event):
    """The guard holds ``endpoints`` no more; ``returned`` says whether they are listed again."""

    name: ClassVar[str] = "guard released"
    level: ClassVar[Level] = "warning"
    endpoints: tuple[Endpoint, ...]
    returned: bool
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryLost(Trouble):
    """The registry's state cannot be known; the last one stays. ``kind`` is ``settings`` where an
    operator has to mend something, else ``registry``. It failed ``failures`` times, for whatever
    reason, since it last answered for longer than a moment.
    """

    name: ClassVar[str] = "registry lost"
    level: ClassVar[Level] = "error"
    kind: str
    retry_s: float
    failures: int = 1
    trace: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryBack(Event):
    """The registry answers, for the first time or again; ``ms`` is how long it was lost."""

    name: ClassVar[str] = "registry answers"
    endpoints: int
    ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointsDamped(Event):
    """The entries of ``endpoints`` change without end: what they change waits, for up to ``for_s``
    seconds now; leaves and drains do not.
    """

    name: ClassVar[str] = "endpoint flaps"
    level: ClassVar[Level] = "warning"
    endpoints: tuple[Endpoint, ...]
    for_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointsCalm(Event):
    """``endpoints`` flapped, and are gone or calm: the next change of each passes at once."""

    name: ClassVar[str] = "endpoint is calm"
    endpoints: tuple[Endpoint, ...]
