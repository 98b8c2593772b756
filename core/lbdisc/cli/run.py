"""``lbdisc run``: the agent beside a load balancer."""

import signal
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lbdisc.cli.common import (
    BackendOption,
    ConfigOption,
    SetOption,
    load_configuration,
    read_settings,
)
from lbdisc.events import ProgramStopping

if TYPE_CHECKING:
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
    set_: SetOption = None,
) -> None:
    """Keep the load balancer in step with the registry.

    Example: lbdisc run --backend etcd --set etcd.endpoints=10.0.0.5:2379

    SIGHUP re-reads settings and templates; SIGTERM stops.
    """
    flags = {"backend": backend}
    plugins, settings = load_configuration(config, flags, set_, tell_broken=False)
    if once:
        _once(plugins, settings)
        return
    _Service(plugins, settings, lambda: read_settings(plugins, config, flags, set_)).run()


class _Service:
    """The agent with its signals."""

    def __init__(self, plugins: "Plugins", settings: "Settings", reread: Any) -> None:
        from lbdisc.agent.watching import Wake

        self._plugins = plugins
        self._settings = settings
        self._reread = reread
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
        from lbdisc.cli.rereading import Rereading
        from lbdisc.listening import audience

        self._tell = listeners.tell
        agent = composing.agent(
            self._plugins,
            self._settings,
            self._wake,
            store=store,
            status=status,
            heard_by=listeners,
        )
        rereading = Rereading(
            self._plugins,
            self._settings,
            self._reread,
            agent=agent,
            wake=self._wake,
            tell=self._tell,
        )
        signal.signal(signal.SIGHUP, lambda *_: rereading.ask())
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


def _once(plugins: "Plugins", settings: "Settings") -> None:
    """Read, render, check and apply once; the exit code tells."""
    from lbdisc.agent.announcing import announced
    from lbdisc.agent.status import Status
    from lbdisc.agent.store import Store, claimed
    from lbdisc.cli.nodes import read_once
    from lbdisc.events import Cause
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
        snapshot = read_once(plugins, settings).only(core.services)
        rendered = choosing.renderer(plugins, settings).render(snapshot)
        reloader = choosing.reloader(plugins, settings)
        applied = reloader.apply(reloader.plan(core.output, None, rendered))
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
