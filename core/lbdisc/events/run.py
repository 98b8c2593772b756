"""What happens in ``lbdisc run``."""

from dataclasses import dataclass, field
from typing import ClassVar

from lbdisc.absent import AbsentService
from lbdisc.events.base import Event, Level, Trouble
from lbdisc.values import Endpoint, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramReady(Event):
    """The first generation runs, and the status file says so."""

    name: ClassVar[str] = "ready"
    level: ClassVar[Level] = "debug"
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeWanted(Event):
    """Something is to be applied as ``generation``; ``endpoints`` is how many, if known."""

    name: ClassVar[str] = "wanted"
    level: ClassVar[Level] = "debug"
    generation: int
    endpoints: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationApplied(Event):
    """``generation`` runs, read back from the load balancer.

    ``how`` is start, reload, runtime, written or nothing, ``detail`` what was done, ``why`` what
    made a start or a reload necessary. ``changed`` holds pairs: before, now. ``ms`` is the time
    since the first news that led to this, ``None`` where no news did. ``endpoints`` are all that it
    serves, ``files`` the names of its further files.
    """

    name: ClassVar[str] = "running"
    generation: int
    digest: str
    how: str
    detail: str = ""
    why: str = ""
    came: tuple[Endpoint, ...] = ()
    went: tuple[Endpoint, ...] = ()
    changed: tuple[tuple[Endpoint, Endpoint], ...] = ()
    endpoints: tuple[Endpoint, ...] = field(default=(), repr=False)
    files: tuple[str, ...] = ()
    ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationWritten(Event):
    """The file holds ``generation``, and was checked."""

    name: ClassVar[str] = "written"
    level: ClassVar[Level] = "debug"
    generation: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesChanged(Event):
    """``files`` that the load balancer reads beside its configuration changed; they are brought in.

    The generation that follows says how.
    """

    name: ClassVar[str] = "files changed"
    level: ClassVar[Level] = "debug"
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesRefused(Trouble):
    """``files`` changed to what the load balancer refuses; what it read before stays in use."""

    name: ClassVar[str] = "file refused"
    level: ClassVar[Level] = "error"
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesMended(Event):
    """``files`` that were refused are good, or as they were before."""

    name: ClassVar[str] = "file mended"
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyFailed(Trouble):
    """``generation`` did not come to life; the running configuration stays. ``kind`` is the error's
    class, the next attempt is ``retry_s`` seconds away at most.
    """

    name: ClassVar[str] = "not applied"
    level: ClassVar[Level] = "error"
    generation: int
    kind: str
    retry_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyKept(Event):
    """``file``, which lbdisc did not write, is about to be replaced: ``copy`` holds what it holds.

    ``takes`` says how many of its servers go, empty if none.
    """

    name: ClassVar[str] = "copy kept"
    level: ClassVar[Level] = "warning"
    file: str
    copy: str
    takes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifted(Event):
    """The load balancer does not run what it should: ``found``. It is repaired."""

    name: ClassVar[str] = "drift"
    level: ClassVar[Level] = "warning"
    generation: int
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tended(Event):
    """The load balancer was tidied up; what it serves is the same."""

    name: ClassVar[str] = "tidied up"
    generation: int
    how: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TendFailed(Trouble):
    """The load balancer could not be tidied up; it serves on."""

    name: ClassVar[str] = "not tidied up"
    level: ClassVar[Level] = "error"
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OldProcesses(Event):
    """As many old processes of the load balancer as ``count`` finish what they have since a reload;
    it was another number before. The first of them began ``oldest_s`` ago.
    """

    name: ClassVar[str] = "old processes"
    level: ClassVar[Level] = "debug"
    count: int
    oldest_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedFromState(Event):
    """The registry did not answer in time: the agent begins with what was known last.

    ``endpoints`` is how many are known, ``None`` where only a configuration file is there.
    """

    name: ClassVar[str] = "starting from the last known state"
    level: ClassVar[Level] = "warning"
    endpoints: int | None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntriesSkipped(Event):
    """Entries of the registry break the rules, or the load balancer refuses them; they are skipped,
    and the others stay.
    """

    name: ClassVar[str] = "entry skipped"
    level: ClassVar[Level] = "warning"
    entries: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntriesMended(Event):
    """Entries that were skipped are gone, or good."""

    name: ClassVar[str] = "entry mended"
    entries: tuple[Problem, ...]


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
    operator has to mend something, else ``registry``.
    """

    name: ClassVar[str] = "registry lost"
    level: ClassVar[Level] = "error"
    kind: str
    retry_s: float
    trace: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryBack(Event):
    """The registry answers, for the first time or again; ``ms`` is how long it was lost."""

    name: ClassVar[str] = "registry answers"
    endpoints: int
    ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainBegun(Event):
    """The load balancer runs ``endpoints`` as draining: no new traffic, sessions finish."""

    name: ClassVar[str] = "drain begun"
    level: ClassVar[Level] = "debug"
    generation: int
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainAcknowledged(Event):
    """No session is left on ``endpoints``; the agent says so in the registry."""

    name: ClassVar[str] = "drain acknowledged"
    generation: int
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgementsFull(Event):
    """``drained`` endpoints are to be acknowledged, and an agent's entry has ``room`` for fewer.

    The others take their turn as these leave; who stops meanwhile waits longer.
    """

    name: ClassVar[str] = "more drains than can be acknowledged at once"
    level: ClassVar[Level] = "warning"
    drained: int
    room: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainOver(Event):
    """``endpoints`` were draining in what runs, and are gone or ready again."""

    name: ClassVar[str] = "drain over"
    level: ClassVar[Level] = "debug"
    generation: int
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsReread(Event):
    """Settings and templates were read again; ``later`` are keys that the next start takes."""

    name: ClassVar[str] = "settings re-read"
    backend: str
    settings_file: str = ""
    later: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsRefused(Event):
    """Settings that were read again are bad; the old ones stay."""

    name: ClassVar[str] = "settings refused"
    level: ClassVar[Level] = "error"
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAnnounced(Event):
    """The registry lists this agent: nodes that stop wait for it."""

    name: ClassVar[str] = "announced"
    agent: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentNotAnnounced(Trouble):
    """The registry cannot list this agent now: nodes that stop do not wait for it."""

    name: ClassVar[str] = "not announced"
    level: ClassVar[Level] = "warning"
    trace: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentWithdrawn(Event):
    """The registry does not list this agent any more; ``error`` is why it may, for a while."""

    name: ClassVar[str] = "withdrawn"
    level: ClassVar[Level] = "debug"
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn(Event):
    """The load balancer is about to stop: its readiness fails, and it serves on for ``grace_s``."""

    name: ClassVar[str] = "readiness fails, serving on"
    grace_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NotWithdrawn(Event):
    """The load balancer is about to stop, and who balances in front of it cannot be told."""

    name: ClassVar[str] = "stopping without a word to whoever is in front"
    level: ClassVar[Level] = "warning"
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StateNotUsed(Event):
    """A file of the state folder is passed over, and written anew: ``error`` says why."""

    name: ClassVar[str] = "state not used"
    level: ClassVar[Level] = "warning"
    file: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StateNotKept(Trouble):
    """A file of the state folder cannot be written; the agent goes on."""

    name: ClassVar[str] = "state not kept"
    level: ClassVar[Level] = "error"
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StateKept(Event):
    """A file of the state folder that could not be written is written again."""

    name: ClassVar[str] = "state kept again"
    file: str
