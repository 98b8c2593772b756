"""What every event has, and those of both programs."""

import time
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from lbdisc.showing import plain

MOST = 300  # characters of a revision
Level = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Where the news came from, and their revision in that registry, ``""`` where it has none.

    ``source`` is the backend's name, or what else made the agent act: ``guard`` (its clock),
    ``health`` (the load balancer's own checks), ``operator``, ``settings`` (read again), ``state``
    (what was kept for a start without the registry), ``drift``, ``trial`` (an endpoint that the
    load balancer refused is good now), ``files`` (that it reads beside its configuration).
    """

    source: str
    revision: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "revision", plain(self.revision, MOST))

    def __str__(self) -> str:
        return f"{self.source} {self.revision}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened."""

    name: ClassVar[str] = ""
    level: ClassVar[Level] = "info"

    unix_s: float = field(default_factory=time.time, compare=False)
    monotonic_s: float = field(default_factory=time.monotonic, compare=False)
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble(Event):
    """Something failed. ``times`` counts the same failure, whatever numbers its text holds, since
    it last went well; ``again`` says that this one was heard of before.
    """

    error: str
    times: int = 1
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramStarted(Event):
    """``program`` (``run``, ``register``) has its settings and begins."""

    name: ClassVar[str] = "started"
    program: str
    version: str
    backend: str
    settings_file: str = ""
    state_dir: str = ""
    output: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramStopping(Event):
    """It goes towards the end; ``why`` names the signal, ``hurry`` says that nothing is awaited."""

    name: ClassVar[str] = "stopping"
    program: str
    why: str
    hurry: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramStopped(Event):
    """``program`` ends now, with ``error`` if that is why."""

    name: ClassVar[str] = "stopped"
    program: str
    uptime_s: float
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginBroken(Trouble):
    """A plugin or a listener did what it may not; it was skipped, everything else goes on.

    ``dropped`` are the events that a listener has missed by falling behind since that was told
    last. It hears of its own before the first that it does not miss.
    """

    name: ClassVar[str] = "plugin broken"
    level: ClassVar[Level] = "error"
    plugin: str
    dropped: int | None = None
    trace: str = field(default="", repr=False)
