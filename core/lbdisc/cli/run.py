"""``lbdisc run``: the agent beside a load balancer."""

import signal
from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lbdisc import collecting
from lbdisc.cli.common import load_configuration, read_settings
from lbdisc.cli.once import run_once
from lbdisc.events import ProgramStopping
from lbdisc.options import BackendOption, ConfigOption, SetOption

if TYPE_CHECKING:
    from lbdisc.agent.status import Status
    from lbdisc.listening.listeners import Listeners, Tell
    from lbdisc.plugins import Plugins
    from lbdisc.settings.loading import Settings
    from lbdisc.state.store import Store


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

    SIGHUP re-reads settings and templates. SIGTERM stops lbdisc, and a HAProxy that it started
    serves on; Ctrl-C and `lbdisc stop` end both.
    """
    collecting.put_off()  # the agent resumes it
    flags = {"backend": backend}
    plugins, settings = load_configuration(config, flags, set_, tell_broken=False)
    if once:
        run_once(plugins, settings, accept=accept)
        return
    _Service(
        plugins,
        settings,
        lambda: read_settings(plugins, config, flags, set_),
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
        self._hurry, self._hurried = Event(), False  # told to stop once more
        self._why = ""
        self._tell: Tell
        self._interrupt: Callable[[], None] = lambda: None

    def run(self) -> None:
        from lbdisc.agent.status import Status
        from lbdisc.listening import audience
        from lbdisc.state.store import Store, claimed

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        core = self._settings.core
        store = Store(core.state_dir)
        store.prepare()
        store.secure(core.trusted)
        with store.locked(), claimed(core.output, core.trusted):
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
            accept=self._accept,
        )
        self._interrupt = agent.interrupt
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
                agent.run(self._stop, hurry=self._hurry, ends=self._ends)
            finally:
                self._tell(ProgramStopping(program="run", why=self._why))
                agent.close(ends=self._ends())

    def _ends(self) -> bool:
        """Whether a managed HAProxy is to end as well."""
        return self._why == signal.SIGINT.name

    def _on_stop(self, number: int, _frame: object) -> None:
        # A signal may come while the handler of one before is in `set`, which holds a lock.
        if not self._why:
            self._why = signal.Signals(number).name
            self._stop.set()
        elif not self._hurried:
            self._hurried = True
            self._hurry.set()
        self._interrupt()
        self._wake.call()
