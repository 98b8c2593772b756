"""Putting an agent together from the settings."""

from lbdisc.agent import Agent
from lbdisc.backoff import Backoff
from lbdisc.configuration import Configuration
from lbdisc.guard import Guard
from lbdisc.hooks import Discovery, Reloader, Renderer
from lbdisc.notify import Notifier
from lbdisc.plugins import Plugins
from lbdisc.store import Store
from lbdisc.values import Snapshot
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
    )
