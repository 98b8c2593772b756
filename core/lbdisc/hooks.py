"""The hooks of lbdisc and the roles that plugins fill.

A plugin is a module or object with functions marked by ``hookimpl``, found through the entry-point
group ``lbdisc``. Each provider hook is called once at start and returns what the plugin offers; the
settings choose among the offers by name. Two offers of one name are an error that names both.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import pluggy

from lbdisc.leases import Lease
from lbdisc.planned import Applied, Planned
from lbdisc.rendered import Rendered
from lbdisc.values import Endpoint, Snapshot

if TYPE_CHECKING:
    import typer

    from lbdisc import events
    from lbdisc.settings.loading import Settings

PROJECT = "lbdisc"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

S = TypeVar("S")
T_co = TypeVar("T_co", covariant=True)


class Publish(Protocol):
    """Takes what a discovery knows, from any thread."""

    def __call__(
        self, snapshot: Snapshot, *, revision: str = "", leases: Iterable[Lease] = ()
    ) -> None:
        """``snapshot`` is the whole state; ``revision`` names it in the registry, in a short text.

        Whoever asks later why something changed is answered with it. A registry that has none
        leaves it out. ``leases`` say what entries live by that came or changed since the last call,
        and how those ended that went: whoever asks why a node went is told which lease it was. A
        registry without any, or that does not tell, leaves them out; further ones do no harm.
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


class Entry(Protocol):
    """One entry of a registry, for as long as its context is open.

    The core calls from one thread: ``put`` at the pace that it keeps, ``remove`` once at the end.
    """

    @property
    def lease(self) -> float:
        """Seconds that the entry outlives its last ``put``; the core puts again after a third."""

    @property
    def lost(self) -> Event | None:
        """Set when the registry tells that the entry is gone, or a name waited for is free.

        The core then puts at once. ``None`` where the registry cannot tell: the core looks twice a
        second. The core clears it before each ``put``, and sets it for reasons of its own as well.
        """

    @property
    def rival(self) -> str:
        """Who holds the name while ``put`` returns false, for people; empty if unknown."""

    def put(self, endpoint: Endpoint) -> bool:
        """Write the entry, renew it or find it as it should be; return whether it is ours.

        False while another holds the name: nothing was touched, and the core asks again.
        ``endpoint`` has the service and the name of the one that was opened; address, weight, state
        and tags may change. Raises ``WriteRefused`` where the registry answers and takes no writes,
        another ``RegistrarError`` when it cannot be asked now, ``SettingsError`` when only an
        operator can help; the core then closes the context, and opens another after a back-off.
        """

    def remove(self) -> None:
        """Take the entry out if it is ours, at once; another's is left alone. Raises likewise.

        Readers that were there see it draining before it goes (the core has put it so). Also called
        after a ``put`` that failed half-way, when it is not known what the registry holds.
        """


class Registrar(Protocol):
    """Makes endpoints known. It knows how its registry holds an entry; the core knows when."""

    def open(self, endpoint: Endpoint, stop: Event) -> AbstractContextManager[Entry]:
        """Get ready to hold ``endpoint``; nothing is written before the first ``put``.

        Leaving the context lets go of connections, threads and processes. An entry that was not
        removed stays as long as its lease; the next ``open`` of the same registrar takes it up
        again, so that it never vanishes meanwhile. Once ``stop`` is set, every call in progress
        returns or raises ``RegistrarError`` within half a second, and so do later ones.
        """


class Renderer(Protocol):
    """Makes the configuration."""

    def render(self, snapshot: Snapshot) -> Rendered:
        """That of ``snapshot``, always the same for one snapshot. Raises ``RenderError``."""


class Reloader(Protocol):
    """Brings a configuration to life in a load balancer.

    What only some can do are protocols of their own, in ``lbdisc.abilities``.
    """

    def check(self, candidate: Path) -> None:
        """Raise ``CheckError`` with the load balancer's own words if it refuses the main file.

        All of them in its ``said``: the endpoints at fault are found by names and ``FILE:LINE``.
        May be called in another thread, beside all else.
        Further files of the configuration are where the file at ``candidate`` says.
        """

    def plan(self, config: Path, running: Rendered | None, candidate: Rendered) -> Planned:
        """What it takes to come to ``candidate`` from what runs; changes nothing.

        ``running`` is what the caller believes to run, ``None`` where it knows of nothing; what a
        reloader has seen with its own eyes counts for more.
        """

    def apply(self, planned: Planned) -> Applied:
        """Make the load balancer run the candidate and its files hold it, or change neither.

        All files are checked together and installed as one (``lbdisc.installing``). What runs
        already may be written a little later, when it has been checked: ``verify`` tells if that
        failed, and ``close`` waits for it. Raises ``CheckError`` when the candidate is refused,
        ``ApplyError`` when it could not be brought to life; then the last good files are back.
        """

    def verify(self, running: Rendered, *, thorough: bool) -> str:
        """What differs between ``running`` and what runs, in one line; empty when they agree.

        Called about once a second; ``thorough`` (every ``verify_every`` seconds and after an apply)
        asks for the full comparison, else a cheap sign of life is enough. What differs is what the
        next plan repairs.
        """

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
    as ``x_file``. ``{state_dir}`` and ``{output}`` in a default text or path stand for the
    settings of that name, a default ``("{services}",)`` for the setting ``services``.
    A field's ``metadata={"help": "…"}`` is its line in the reference.
    """

    name: str
    settings: type[S]
    create: Callable[[S], T_co]


@dataclass(frozen=True, slots=True)
class NoSettings:
    """Nothing to set: ``[log]`` is for all lines, the service manager tells by the environment."""


class Context(Protocol):
    """What a plugin's command may ask for; nothing is loaded before it is asked.

    Every part may raise ``LbdiscError``; let it pass: it becomes one line and an exit code.
    """

    def given(
        self,
        *,
        config: Path | None = None,
        backend: str | None = None,
        assignments: Sequence[str] | None = None,
    ) -> "Context":
        """With the command's own ``--config``, ``--backend`` and ``--set KEY=VALUE``."""

    @property
    def settings(self) -> "Settings":
        """The effective settings; ``settings.table(name)`` is a plugin's own. Sets up the log."""

    @property
    def discovery(self) -> Discovery:
        """A new discovery of the backend that the settings name."""

    @property
    def status(self) -> dict[str, Any] | None:
        """What the agent last said of itself, ``None`` when it never did."""


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
    def lbdisc_commands(self, app: "typer.Typer", context: Context) -> None:
        """Called when the command line is built; add commands to ``app``. ``versionadded: 0.1``

        ``context`` gives a command the settings, the discovery and the agent's status once it runs.
        Called at every start of the program: import what is heavy inside the commands.
        """
