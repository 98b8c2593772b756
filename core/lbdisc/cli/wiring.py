"""Putting an agent together from the settings."""

from structlog import get_logger

from lbdisc.agent import Agent
from lbdisc.backoff import Backoff
from lbdisc.configuration import Configuration
from lbdisc.errors import LbdiscError, PluginError
from lbdisc.guard import Guard
from lbdisc.hooks import Discovery, Reloader, Renderer
from lbdisc.notify import Notifier
from lbdisc.plugins import Plugins
from lbdisc.presence import Presence
from lbdisc.store import Store
from lbdisc.values import Snapshot, check_name
from lbdisc.watching import Wake, Watcher


def discovery(plugins: Plugins, settings: Configuration) -> Discovery:
    provider = plugins.discovery(settings.core.backend)
    return provider.create(settings.table(provider.name))


def renderer(plugins: Plugins, settings: Configuration) -> Renderer:
    provider = plugins.renderer(settings.core.renderer)
    return provider.create(settings.table(provider.name))


def reloader(plugins: Plugins, settings: Configuration) -> Reloader:
    provider = plugins.reloader(settings.core.reloader)
    return provider.create(settings.table(provider.name))


def watcher(
    plugins: Plugins, settings: Configuration, wake: Wake, known: Snapshot | None
) -> Watcher:
    """A watcher whose guard knows what was balanced before."""
    pace = settings.core.agent
    return Watcher(
        discovery(plugins, settings),
        Guard(settings.core.guard, known),
        wake.call,
        backoff=Backoff(pace.retry_first, pace.retry_most),
    )


def presence(plugins: Plugins, settings: Configuration) -> Presence:
    """How the agent makes itself known; not at all where the backend has no registrar."""
    core = settings.core
    log = get_logger("lbdisc.presence")
    if not core.agent.announce:
        return Presence()
    try:
        provider = plugins.registrar(core.backend)
        registrar = provider.create(settings.table(provider.name))
        check_name(core.agent.name, what="name in the setting agent.name")
    except PluginError as error:
        log.debug("not announced", why=str(error))
    except LbdiscError as error:
        log.warning("not announced, nodes that stop will not wait for this agent", why=str(error))
    else:
        return Presence(registrar, name=core.agent.name, services=core.services, pace=core.agent)
    return Presence()


def agent(plugins: Plugins, settings: Configuration, wake: Wake) -> Agent:
    """An agent with all its parts. Raises ``LbdiscError``."""
    store = Store(settings.core.state_dir)
    store.prepare()
    return Agent(
        settings.core,
        plugins=plugins,
        watcher=watcher(plugins, settings, wake, store.last_snapshot()),
        renderer=renderer(plugins, settings),
        reloader=reloader(plugins, settings),
        store=store,
        wake=wake,
        notifier=Notifier.from_environment(),
        presence=presence(plugins, settings),
    )
