"""Putting an agent together from the settings."""

from structlog import get_logger

from lbdisc import events
from lbdisc.abilities import Observes, Remembers
from lbdisc.agent.admission import Admission
from lbdisc.agent.agent import Agent
from lbdisc.agent.contact import FirstContact
from lbdisc.agent.guard import Guard
from lbdisc.agent.guarding import remembered
from lbdisc.agent.held import GuardMemory
from lbdisc.agent.presence import Presence
from lbdisc.agent.status import Status
from lbdisc.agent.watching import Wake, Watcher
from lbdisc.backoff import Backoff
from lbdisc.builtin.systemd.notify import Notifier
from lbdisc.errors import LbdiscError, PluginError
from lbdisc.handshake import AGENTS
from lbdisc.hooks import Reloader, Renderer
from lbdisc.listening.listeners import Listeners, Tell
from lbdisc.plugins import Plugins
from lbdisc.register.identity import Identity
from lbdisc.screening.hosts import Hosts
from lbdisc.screening.screen import Screening
from lbdisc.settings.choosing import discovery, reloader, renderer
from lbdisc.settings.loading import Settings
from lbdisc.state.store import Store
from lbdisc.values import Snapshot, check_name


def watcher(
    plugins: Plugins, settings: Settings, wake: Wake, known: GuardMemory, tell: Tell, *, asks: bool
) -> Watcher:
    """A watcher whose guard knows what was balanced before.

    ``asks`` says that the load balancer tells what its checks find.
    """
    pace, finds = settings.core.agent, discovery(plugins, settings)
    if isinstance(finds, Remembers):
        finds.remind(known.balanced)
    screen = Screening(settings.core.endpoints, Hosts(wake.call), served=known.balanced)
    return Watcher(
        finds,
        Guard(
            settings.core.guard,
            known,
            services=settings.core.services,
            asks=asks,
            refuses=screen.refuses,
        ),
        wake.call,
        source=settings.core.backend,
        screen=screen,
        admission=Admission(settings.core, known.balanced),
        tell=tell,
        backoff=Backoff(pace.retry_first, pace.retry_most),
    )


def presence(plugins: Plugins, settings: Settings, tell: Tell) -> Presence:
    """How the agent makes itself known; not at all where the backend has no registrar."""
    core = settings.core
    if not core.agent.announce:
        return Presence()
    try:
        provider = plugins.registrar(core.backend)
    except PluginError as error:
        get_logger("lbdisc.presence").debug("no registrar to announce with", why=str(error))
        return Presence()
    name, services = core.agent.name, core.services
    try:
        registrar = provider.create(settings.table(provider.name))
        check_name(name, what="name in the setting agent.name")
    except LbdiscError as error:
        tell(events.AgentNotAnnounced(error=str(error)))
        return Presence()
    identity = Identity(core.state_dir, AGENTS, name, trusted=core.trusted)
    identity.give(registrar)
    return Presence(
        registrar,
        identity=identity,
        name=name,
        services=services,
        pace=core.agent,
        tell=tell,
    )


def contact(
    settings: Settings,
    reloader: Reloader,
    renderer: Renderer,
    store: Store,
    *,
    accept: bool = False,
) -> FirstContact:
    """For who applies once, or only asks what that would do."""
    return FirstContact(
        settings.core,
        reloader,
        lambda: renderer.render(Snapshot()),
        remembers=store.last_snapshot() is not None,
        accept=accept,
    )


def agent(
    plugins: Plugins,
    settings: Settings,
    wake: Wake,
    *,
    store: Store,
    status: Status,
    heard_by: Listeners,
    accept: bool = False,
) -> Agent:
    """An agent with all its parts; with ``accept`` it takes over what others wrote, whatever goes.

    Raises ``LbdiscError``.
    """
    tell, brings = heard_by.tell, reloader(plugins, settings)
    known, asks = remembered(store), isinstance(brings, Observes)
    return Agent(
        settings.core,
        listeners=heard_by,
        status=status,
        watcher=watcher(plugins, settings, wake, known, tell, asks=asks),
        renderer=renderer(plugins, settings),
        reloader=brings,
        store=store,
        wake=wake,
        notifier=Notifier.from_environment(),
        presence=presence(plugins, settings, tell),
        accept=accept,
    )
