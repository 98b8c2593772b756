"""What happens in ``lbdisc register``."""

from dataclasses import dataclass, field
from typing import ClassVar

from lbdisc.events.base import Event, Level, Trouble
from lbdisc.values import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRegistered(Event):
    """The registry holds ``endpoint``."""

    name: ClassVar[str] = "registered"
    endpoint: Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRenewed(Event):
    """The registry was told again of ``endpoint``, which it had: so many ``times`` since this was
    told last. Told a few times in the life of a lease.
    """

    name: ClassVar[str] = "renewed"
    level: ClassVar[Level] = "debug"
    endpoint: Endpoint
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDraining(Event):
    """The registry holds ``endpoint`` as draining."""

    name: ClassVar[str] = "draining"
    endpoint: Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryWaiting(Event):
    """Another, ``rival``, holds the name of ``endpoint``; it is waited for."""

    name: ClassVar[str] = "another holds this name: waiting"
    level: ClassVar[Level] = "warning"
    endpoint: Endpoint
    rival: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRefused(Trouble):
    """The registry does not hold the endpoint; it is tried again."""

    name: ClassVar[str] = "not registered, trying again"
    level: ClassVar[Level] = "error"
    trace: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryUnrenewed(EntryRefused):
    """The registry cannot be told now; it holds the endpoint as before, for its lease at most."""

    name: ClassVar[str] = "registered before, out of touch, trying again"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRefused(EntryRefused):
    """The registry holds the endpoint as before, and does not take a change of it."""

    name: ClassVar[str] = "registered as before, change not taken, trying again"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryKept(Event):
    """The registry can be told again, and held ``endpoint`` all the time."""

    name: ClassVar[str] = "in touch again, still registered"
    endpoint: Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLeft(Event):
    """``endpoint`` was taken out of the registry."""

    name: ClassVar[str] = "left"
    endpoint: Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryStays(Event):
    """``endpoint`` could not be taken out: it expires by itself, within ``within_s`` seconds."""

    name: ClassVar[str] = "not left cleanly: the entry has to expire"
    level: ClassVar[Level] = "warning"
    endpoint: Endpoint
    error: str
    within_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainAwaited(Event):
    """The agents ``waiting`` still send traffic, ``drained`` do not; ``gone`` may come back.

    Those of them in ``full`` have no room for another acknowledgement now.
    """

    name: ClassVar[str] = "waiting for load balancers to drain"
    waiting: tuple[str, ...] = ()
    drained: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    full: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainDone(Event):
    """All agents that were waited for, ``by``, send nothing more."""

    name: ClassVar[str] = "drained"
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainGivenUp(Event):
    """``drain_timeout`` is over: the load balancers of these agents may still send traffic.

    ``waiting`` did not acknowledge, ``gone`` left the registry before they had; ``drained`` did.
    """

    name: ClassVar[str] = "drain given up"
    level: ClassVar[Level] = "warning"
    waiting: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    drained: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentPassedOver(Event):
    """Entries in ``_agents`` that never answered to anything, ``agents``, were not waited for.

    They may be what somebody made up, or agents of an older version.
    """

    name: ClassVar[str] = "not waited for: never answered"
    level: ClassVar[Level] = "warning"
    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainUnsure(Event):
    """The end comes without knowing that all have drained, or later than it could."""

    name: ClassVar[str] = "drain not confirmed"
    level: ClassVar[Level] = "warning"
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPassed(Event):
    """The instance is healthy: its check has passed ``rise`` times in a row."""

    name: ClassVar[str] = "check passed"
    rise: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFailed(Trouble):
    """A check failed; ``fall`` in a row are one too many."""

    name: ClassVar[str] = "check failed"
    level: ClassVar[Level] = "warning"
    fall: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckGaveUp(Event):
    """The instance is not healthy: its check has failed ``fall`` times in a row."""

    name: ClassVar[str] = "check failed, leaving"
    level: ClassVar[Level] = "warning"
    error: str
    fall: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandStarted(Event):
    """COMMAND runs."""

    name: ClassVar[str] = "command started"
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandEnded(Event):
    """COMMAND is over; ``asked`` says whether a signal had come before."""

    name: ClassVar[str] = "command ended"
    exit_code: int
    asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandKilled(Event):
    """COMMAND was killed: it did not end within ``stop_timeout_s``."""

    name: ClassVar[str] = "command killed"
    level: ClassVar[Level] = "warning"
    stop_timeout_s: float
