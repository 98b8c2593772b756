"""SIGHUP: other settings and templates, tried as a whole before the agent goes on with them."""

import traceback
from collections.abc import Callable
from queue import SimpleQueue
from threading import Event, Thread, Timer

from structlog import get_logger

from lbdisc.agent import composing
from lbdisc.agent.agent import Agent
from lbdisc.agent.presence import Presence
from lbdisc.agent.starting import FIRST_READ
from lbdisc.agent.watching import Wake
from lbdisc.cli.rehearsing import rehearse
from lbdisc.errors import DiscoveryError, LbdiscError
from lbdisc.events import SettingsRefused, SettingsReread
from lbdisc.hooks import Renderer
from lbdisc.listening.listeners import Tell
from lbdisc.plugins import Plugins
from lbdisc.screening.emptied import check_somebody_stays
from lbdisc.settings import choosing
from lbdisc.settings.loading import Settings
from lbdisc.values import Snapshot

log = get_logger("lbdisc.settings")


class Rereading:
    """Takes new settings if they are good, keeps the old ones if not.

    They are read and tried in a thread of its own, so that the agent follows meanwhile what comes
    and goes; ``reread`` loads them and raises ``LbdiscError``.
    """

    def __init__(
        self,
        plugins: Plugins,
        settings: Settings,
        reread: Callable[[], Settings],
        *,
        agent: Agent,
        wake: Wake,
        tell: Tell,
    ) -> None:
        self._plugins = plugins
        self._settings = settings
        self._reread = reread
        self._agent = agent
        self._wake = wake
        self._tell = tell
        # SimpleQueue.put is reentrant, so a signal handler may call it at any moment.
        self._asked: SimpleQueue[None] = SimpleQueue()
        Thread(target=self._run, name="lbdisc-reread", daemon=True).start()

    def ask(self) -> None:
        """Read the settings again, soon; a signal handler may call this."""
        self._asked.put(None)

    def _run(self) -> None:
        while True:
            self._asked.get()
            while not self._asked.empty():
                self._asked.get()
            try:
                self._try()
            except LbdiscError as error:
                self._tell(SettingsRefused(error=str(error)))
            except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code
                log.debug("a plugin failed", trace=traceback.format_exc())
                self._tell(SettingsRefused(error=f"a plugin failed: {error!r}"))

    def _try(self) -> None:
        """Do what `config check` does, also with what is served; then have the agent take it."""
        settings = self._reread()
        renderer = choosing.renderer(self._plugins, settings)
        reloader = choosing.reloader(self._plugins, settings)
        choosing.discovery(self._plugins, settings)
        rehearse(settings.core, renderer, reloader, self._agent.listed)
        check_somebody_stays(settings.core, self._agent.listed)
        self._ask_registry(settings)
        self._wake.ask(lambda: self._take(settings, renderer))

    def _ask_registry(self, settings: Settings) -> None:
        """Another registry has to answer, unless the one that is followed does not either."""
        backend = settings.core.backend
        old = self._settings
        if (backend, settings.table(backend)) == (old.core.backend, old.table(old.core.backend)):
            return
        stop, answered = Event(), Event()

        def publish(snapshot: Snapshot, **_said: object) -> None:
            answered.set()
            stop.set()

        limit = Timer(FIRST_READ, stop.set)
        limit.daemon = True
        limit.start()
        try:
            choosing.discovery(self._plugins, settings).watch(publish, stop)
            if not answered.is_set():
                raise DiscoveryError(f"{backend}: no answer in {FIRST_READ:g} s")
        except DiscoveryError:
            if self._agent.hears_registry:
                raise
        finally:
            limit.cancel()

    def _take(self, settings: Settings, renderer: Renderer) -> None:
        """In the agent's own loop: go on with what was found to be good."""
        try:
            watcher = composing.watcher(
                self._plugins,
                settings,
                self._wake,
                self._agent.memory,
                self._tell,
                asks=self._agent.asks,
            )
            presence = self._presence(settings)
        except LbdiscError as error:
            self._tell(SettingsRefused(error=str(error)))
            return
        self._tell(
            SettingsReread(
                backend=settings.core.backend,
                settings_file=str(settings.file or ""),
                later=tuple(self._fixed(settings)),
            )
        )
        self._agent.change(
            renderer=renderer, watcher=watcher, settings=settings.core, presence=presence
        )
        self._settings = settings

    def _presence(self, settings: Settings) -> Presence | None:
        """Another presence where the registry or the name changes, else the old one goes on."""

        def place(found: Settings) -> tuple[object, ...]:
            agent, backend = found.core.agent, found.core.backend
            return agent.announce, agent.name, backend, found.table(backend)

        if place(settings) == place(self._settings):
            return None
        return composing.presence(self._plugins, settings, self._tell)

    def _fixed(self, settings: Settings) -> list[str]:
        """What differs and cannot change while the agent runs."""
        old, new = self._settings, settings
        keys = [
            key
            for key in ("state_dir", "output", "reloader", "log", "listeners_off")
            if getattr(old.core, key) != getattr(new.core, key)
        ]
        names = [old.core.reloader, *(o.provider.name for o in self._plugins.listeners())]
        return keys + [f"[{name}]" for name in names if old.table(name) != new.table(name)]
