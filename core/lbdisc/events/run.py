"""What happens in ``lbdisc run``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from lbdisc.events.base import Event, Level, Trouble
from lbdisc.observed import ServerHealth
from lbdisc.rendered import Rendered
from lbdisc.values import Endpoint


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
    serves, ``files`` the names of its further files. ``stages`` say what of ``ms`` went where, one
    after the other, in milliseconds. ``commands`` were given at run time, in the load balancer's
    own language; ``rendered`` are all its texts.
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
    stages: Mapping[str, float] = field(default_factory=dict, repr=False, compare=False)
    commands: tuple[str, ...] = field(default=(), repr=False)
    rendered: Rendered | None = field(default=None, repr=False, compare=False)


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
    class, the next attempt is ``retry_s`` seconds away at most. ``stages`` are those of
    ``GenerationApplied``, up to the one that failed.
    """

    name: ClassVar[str] = "not applied"
    level: ClassVar[Level] = "error"
    generation: int
    kind: str
    retry_s: float
    stages: Mapping[str, float] = field(default_factory=dict, repr=False, compare=False)


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
class ServersObserved(Event):
    """What the load balancer thinks of all ``servers`` that it has for what is balanced.

    Told every few seconds. ``unanswered`` says why it said nothing, ``lingering`` are the ages in
    seconds of old processes, ``None`` where nobody can tell.
    """

    name: ClassVar[str] = "servers"
    level: ClassVar[Level] = "debug"
    servers: tuple[ServerHealth, ...] = field(default=(), repr=False)
    lingering: tuple[int, ...] | None = None
    unanswered: str = ""


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
