"""``lbdisc run``: the agent beside a load balancer."""

import signal
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lbdisc.cli.common import BackendOption, ConfigOption, SetOption, load_configuration

if TYPE_CHECKING:
    from lbdisc.agent import Agent
    from lbdisc.configuration import Configuration
    from lbdisc.plugins import Plugins
    from lbdisc.presence import Presence


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
    plugins, settings = load_configuration(config, flags, set_)
    if once:
        _once(plugins, settings)
        return
    _Service(plugins, settings, lambda: load_configuration(config, flags, set_, plugins)[1]).run()


class _Service:
    """The agent with its signals."""

    def __init__(self, plugins: "Plugins", settings: "Configuration", reread: Any) -> None:
        from lbdisc.watching import Wake

        self._plugins = plugins
        self._settings = settings
        self._reread = reread
        self._wake = Wake()
        self._stop = Event()
        self._told = False

    def run(self) -> None:
        from lbdisc.cli import wiring
        from lbdisc.store import Store, claimed

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        store = Store(self._settings.core.state_dir)
        store.prepare()
        with store.locked(), claimed(self._settings.core.output):
            agent = wiring.agent(self._plugins, self._settings, self._wake)
            signal.signal(signal.SIGHUP, lambda *_: self._wake.ask(lambda: self._reload(agent)))
            try:
                agent.run(self._stop)
            finally:
                agent.close()

    def _on_stop(self, *_: object) -> None:
        # A signal may come while the handler of one before is in `set`, which holds a lock.
        if not self._told:
            self._told = True
            self._stop.set()
        self._wake.call()

    def _reload(self, agent: "Agent") -> None:
        """SIGHUP: take the new settings if they are good, keep the old ones if not."""
        from structlog import get_logger

        from lbdisc.cli import wiring
        from lbdisc.errors import LbdiscError

        log = get_logger("lbdisc.agent")
        try:
            settings = self._reread()
            renderer = wiring.renderer(self._plugins, settings)
            watcher = wiring.watcher(self._plugins, settings, self._wake, agent.listed)
            presence = self._presence(settings)
        except LbdiscError as error:
            log.error("settings not re-read; the old ones stay", error=str(error))
            return
        fixed = self._fixed(settings)
        for key in fixed:
            log.warning("takes effect at the next start", setting=key)
        agent.change(renderer=renderer, watcher=watcher, settings=settings.core, presence=presence)
        self._settings = settings
        log.info("settings and templates re-read", file=settings.file and str(settings.file))

    def _presence(self, settings: "Configuration") -> "Presence | None":
        """Another presence where the registry or the name changes, else the old one goes on."""
        from lbdisc.cli import wiring

        def place(found: "Configuration") -> tuple[object, ...]:
            agent, backend = found.core.agent, found.core.backend
            return agent.announce, agent.name, backend, found.table(backend)

        if place(settings) == place(self._settings):
            return None
        return wiring.presence(self._plugins, settings)

    def _fixed(self, settings: "Configuration") -> list[str]:
        """What differs and cannot change while the agent runs."""
        old, new = self._settings, settings
        keys = [
            key
            for key in ("state_dir", "output", "reloader", "log")
            if getattr(old.core, key) != getattr(new.core, key)
        ]
        name = old.core.reloader
        return keys if old.table(name) == new.table(name) else [*keys, f"[{name}]"]


def _once(plugins: "Plugins", settings: "Configuration") -> None:
    """Read, render, check and apply once; the exit code tells."""
    from structlog import get_logger

    from lbdisc.cli import wiring
    from lbdisc.cli.inspect import read_once
    from lbdisc.store import Store, claimed

    store = Store(settings.core.state_dir)
    store.prepare()
    with store.locked(), claimed(settings.core.output):
        snapshot = read_once(plugins, settings).only(settings.core.services)
        rendered = wiring.renderer(plugins, settings).render(snapshot)
        reloader = wiring.reloader(plugins, settings)
        applied = reloader.apply(reloader.plan(settings.core.output, None, rendered))
        store.save_snapshot(snapshot)
    get_logger("lbdisc.agent").info(
        "applied once",
        endpoints=len(snapshot),
        how=str(applied.how),
        detail=applied.detail or None,
        file=str(Path(settings.core.output)),
    )
