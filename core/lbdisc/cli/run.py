"""``lbdisc run``: the agent beside a load balancer."""

import signal
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lbdisc.cli.common import BackendOption, ConfigOption, SetOption, load_configuration
from lbdisc.events import ProgramStopping, SettingsRefused, SettingsReread

if TYPE_CHECKING:
    from lbdisc.agent.agent import Agent
    from lbdisc.agent.presence import Presence
    from lbdisc.agent.status import Status
    from lbdisc.agent.store import Store
    from lbdisc.listening.listeners import Listeners, Tell
    from lbdisc.plugins import Plugins
    from lbdisc.settings.loading import Settings


def run(
    config: ConfigOption = None,
    backend: BackendOption = None,
    once: Annotated[
        bool, typer.Option("--once", help="Apply the registry's state once, then exit.")
    ] = False,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept", help="Take over a file that lbdisc did not write, whatever servers go."
        ),
    ] = False,
    set_: SetOption = None,
) -> None:
    """Keep the load balancer in step with the registry.

    Example: lbdisc run --backend etcd --set etcd.endpoints=10.0.0.5:2379

    SIGHUP re-reads settings and templates; SIGTERM stops.
    """
    flags = {"backend": backend}
    plugins, settings = load_configuration(config, flags, set_, tell_broken=False)
    if once:
        _once(plugins, settings, accept=accept)
        return
    _Service(
        plugins,
        settings,
        lambda: load_configuration(config, flags, set_, plugins)[1],
        accept=accept,
    ).run()


class _Service:
    """The agent with its signals."""

    def __init__(
        self, plugins: "Plugins", settings: "Settings", reread: Any, *, accept: bool
    ) -> None:
        from lbdisc.agent.watching import Wake

        self._plugins = plugins
        self._settings = settings
        self._reread = reread
        self._accept = accept
        self._wake = Wake()
        self._stop = Event()
        self._why = ""
        self._tell: Tell

    def run(self) -> None:
        from lbdisc.agent.status import Status
        from lbdisc.agent.store import Store, claimed
        from lbdisc.listening import audience

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        core = self._settings.core
        store = Store(core.state_dir)
        store.prepare()
        with store.locked(), claimed(core.output):
            status = Status(store)
            with audience.listeners(
                self._plugins, self._settings, own=(status,), wake=self._wake.call
            ) as listeners:
                self._serve(store, status, listeners)

    def _serve(self, store: "Store", status: "Status", listeners: "Listeners") -> None:
        from lbdisc.agent import composing
        from lbdisc.listening import audience

        self._tell = listeners.tell
        agent = composing.agent(
            self._plugins,
            self._settings,
            self._wake,
            store=store,
            status=status,
            heard_by=listeners,
            accept=self._accept,
        )
        signal.signal(signal.SIGHUP, lambda *_: self._wake.ask(lambda: self._reload(agent)))
        with audience.told("run", self._plugins, self._settings, self._tell):
            try:
                agent.run(self._stop)
            finally:
                self._tell(ProgramStopping(program="run", why=self._why))
                agent.close()

    def _on_stop(self, number: int, _frame: object) -> None:
        # A signal may come while the handler of one before is in `set`, which holds a lock.
        if not self._why:
            self._why = signal.Signals(number).name
            self._stop.set()
        self._wake.call()

    def _reload(self, agent: "Agent") -> None:
        """SIGHUP: take the new settings if they are good, keep the old ones if not."""
        from lbdisc.agent import composing
        from lbdisc.errors import LbdiscError
        from lbdisc.settings import choosing

        try:
            settings = self._reread()
            renderer = choosing.renderer(self._plugins, settings)
            watcher = composing.watcher(
                self._plugins, settings, self._wake, agent.listed, self._tell
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
        agent.change(renderer=renderer, watcher=watcher, settings=settings.core, presence=presence)
        self._settings = settings

    def _presence(self, settings: "Settings") -> "Presence | None":
        """Another presence where the registry or the name changes, else the old one goes on."""
        from lbdisc.agent import composing

        def place(found: "Settings") -> tuple[object, ...]:
            agent, backend = found.core.agent, found.core.backend
            return agent.announce, agent.name, backend, found.table(backend)

        if place(settings) == place(self._settings):
            return None
        return composing.presence(self._plugins, settings, self._tell)

    def _fixed(self, settings: "Settings") -> list[str]:
        """What differs and cannot change while the agent runs."""
        old, new = self._settings, settings
        keys = [
            key
            for key in ("state_dir", "output", "reloader", "log", "listeners_off")
            if getattr(old.core, key) != getattr(new.core, key)
        ]
        names = [old.core.reloader, *(o.provider.name for o in self._plugins.listeners())]
        return keys + [f"[{name}]" for name in names if old.table(name) != new.table(name)]


def _once(plugins: "Plugins", settings: "Settings", *, accept: bool) -> None:
    """Read, render, check and apply once; the exit code tells."""
    from lbdisc.absent import absent_services
    from lbdisc.agent import composing
    from lbdisc.agent.announcing import announced
    from lbdisc.agent.status import Status
    from lbdisc.agent.store import Store, claimed
    from lbdisc.cli.nodes import read_once
    from lbdisc.events import Cause, ServicesAbsent
    from lbdisc.generation import Generation
    from lbdisc.listening import audience
    from lbdisc.settings import choosing
    from lbdisc.values import Snapshot

    core = settings.core
    store = Store(core.state_dir)
    store.prepare()
    with (
        store.locked(),
        claimed(core.output),
        audience.listeners(plugins, settings) as listeners,
        audience.told("run --once", plugins, settings, listeners.tell),
    ):
        listed = read_once(plugins, settings)
        if absent := absent_services(listed, core.services):
            listeners.tell(ServicesAbsent(services=absent))
        snapshot = listed.only(core.services)
        renderer = choosing.renderer(plugins, settings)
        rendered, reloader = renderer.render(snapshot), choosing.reloader(plugins, settings)
        contact = composing.contact(settings, reloader, renderer, store, accept=accept)
        planned = reloader.plan(core.output, None, rendered)
        applied = reloader.apply(contact.admit(planned, listeners.tell))
        contact.over()
        before = (store.last_snapshot() or Snapshot()).only(core.services)
        store.save_snapshot(snapshot)
        generation = Generation(
            number=Status(store).earlier_number + 1,
            snapshot=snapshot,
            rendered=rendered,
            change=snapshot.since(before),
        )
        for event in announced(generation, before, applied, cause=Cause(source=core.backend)):
            listeners.tell(event)
