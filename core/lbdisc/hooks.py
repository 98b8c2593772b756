"""The hooks of lbdisc and the roles that plugins fill.

A plugin is a module or object with functions marked by ``hookimpl``, found through the entry-point
group ``lbdisc``. Each provider hook is called once at start and returns what the plugin offers; the
settings choose among the offers by name. Two offers of one name are an error that names both.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import pluggy

from lbdisc.values import Endpoint, Snapshot

if TYPE_CHECKING:
    import typer

    from lbdisc import events
    from lbdisc.context import Context

PROJECT = "lbdisc"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

S = TypeVar("S")
T_co = TypeVar("T_co", covariant=True)


class Publish(Protocol):
    """Takes what a discovery knows, from any thread."""

    def __call__(self, snapshot: Snapshot, *, revision: str = "") -> None:
        """``snapshot`` is the whole state; ``revision`` names it in the registry, in a short text.

        Whoever asks later why something changed is answered with it. A registry that has none
        leaves it out.
        """


class Discovery(Protocol):
    """Knows who is there."""

    def watch(self, publish: Publish, stop: Event) -> None:
        """Publish the whole state at once and after every change, until ``stop`` is set.

        Returns within a second of ``stop``. Raises ``DiscoveryError`` when it cannot know the
        state; the core calls it again after a back-off. Raises ``SettingsError`` when only an
        operator can help. It never publishes a smaller snapshot because a connection broke. An
        endpoint that left cleanly, where the registry can tell, is published as draining before it
        is left out. Entries that break the rules go into ``Snapshot.problems``.
        """


class Registrar(Protocol):
    """Makes one endpoint known."""

    def hold(self, endpoint: Callable[[], Endpoint], stop: Event) -> None:
        """Keep the endpoint registered until ``stop`` is set, then take it out at once.

        ``endpoint`` is read again several times a second, so that weight, state and tags may change
        while held; service and name stay. Reading it again says that what the reading before gave
        is published (the first reading aside). At the end it publishes the endpoint as draining,
        unless it already is, and removes it. Registers again by itself after a lost lease or
        session, a restarted or a wiped registry. Where another holds the same name, it waits and
        says so.
        Raises ``RegistrarError`` when it cannot hold the endpoint now; the core calls it again.
        """


class Renderer(Protocol):
    """Makes the configuration's text."""

    def render(self, snapshot: Snapshot) -> str:
        """The text for ``snapshot``, always the same for one snapshot. Raises ``RenderError``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What an apply would do: ``how`` is nothing, written, runtime or reload; ``detail`` says why.

    ``commands`` are what would be sent at run time. Only a reload is worth waiting for quiet.
    """

    how: str
    detail: str = ""
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """How a configuration came to life: ``how`` is start, reload, runtime, written or unchanged."""

    how: str
    detail: str = ""


class Reloader(Protocol):
    """Brings a configuration to life in a load balancer."""

    def check(self, candidate: Path) -> None:
        """Raise ``CheckError`` with the load balancer's own words if it refuses the file."""

    def plan(self, running: str, candidate: str) -> Planned:
        """What it takes to come from one text to the other; changes nothing."""

    def apply(self, config: Path, candidate: str) -> Applied:
        """Make the load balancer run ``candidate`` and ``config`` hold it, or change neither.

        What runs already may be written a little later, when it has been checked: ``verify`` tells
        if that failed, and ``close`` waits for it. Raises ``CheckError`` when the text is refused,
        ``ApplyError`` when it could not be brought to life; then the last good text is back in
        ``config``.
        """

    def verify(self, candidate: str, *, thorough: bool) -> str:
        """What differs between ``candidate`` and what runs, in one line; empty when they agree.

        Called about once a second; ``thorough`` (every ``verify_every`` seconds and after an apply)
        asks for the full comparison, else a cheap sign of life is enough.
        """

    def behind(self) -> bool:
        """Whether the file is still to follow what runs already."""

    def drained(self, endpoints: Sequence[Endpoint]) -> Collection[Endpoint]:
        """Those of ``endpoints``, which drain in what runs, that no session is left on.

        Called some times a second while any endpoint drains; an error counts as none.
        """

    def tend(self, config: Path) -> Applied | None:
        """Housekeeping, called about once a second while nothing waits; what was done, if any."""

    def close(self) -> None:
        """The agent stops: let go of what was started, within 1.5 seconds."""


class Listener(Protocol):
    """Hears what happens: metrics, history, a page.

    Made and called in one thread of its own. One that raises, exits, takes long or falls behind by
    a thousand events is named and counted, and misses events; everything else goes on.
    """

    def hear(self, event: "events.Event") -> None:
        """Something happened. Kinds of events may be added: pass over what is not known."""

    def close(self) -> None:
        """The program ends; called after the last event. Half a second is left for all."""


@dataclass(frozen=True, slots=True)
class Provider(Generic[S, T_co]):
    """An offer: ``create`` makes the role from ``settings``, a frozen dataclass type.

    The core fills ``settings`` from the table named ``name`` of the settings file and from the
    environment (``LBDISC_NAME_FIELD``). Field types are plain ones, ``Path``, tuples and dicts of
    them, ``Literal``, and ``pydantic.SecretStr`` for secrets: each secret ``x`` may also be given
    as ``x_file``. ``{state_dir}`` in a default text or path stands for the agent's state folder, a
    default ``("{services}",)`` for the setting ``services``.
    A field's ``metadata={"help": "…"}`` is its line in the reference.
    """

    name: str
    settings: type[S]
    create: Callable[[S], T_co]


class Hooks:
    """The hook specifications; every function here may be implemented by a plugin."""

    @hookspec
    def lbdisc_discovery(self) -> Provider[Any, Discovery] | None:
        """Called once at start; returns the offered discovery. ``versionadded: 0.1``"""

    @hookspec
    def lbdisc_registrar(self) -> Provider[Any, Registrar] | None:
        """Called once at start; returns the offered registrar. ``versionadded: 0.1``"""

    @hookspec
    def lbdisc_renderer(self) -> Provider[Any, Renderer] | None:
        """Called once at start; returns the offered renderer. ``versionadded: 0.1``"""

    @hookspec
    def lbdisc_reloader(self) -> Provider[Any, Reloader] | None:
        """Called once at start; returns the offered reloader. ``versionadded: 0.1``"""

    @hookspec
    def lbdisc_listener(self) -> Provider[Any, Listener] | None:
        """Called once at start; returns the offered listener. All hear that are not in the setting
        ``listeners_off``. ``versionadded: 0.1``
        """

    @hookspec
    def lbdisc_commands(self, app: "typer.Typer", context: "Context") -> None:
        """Called when the command line is built; add commands to ``app``. ``versionadded: 0.1``

        ``context`` gives a command the settings, the discovery and the agent's status once it runs.
        Called at every start of the program: import what is heavy inside the commands.
        """
