"""What the settings choose, made from their tables."""

from lbdisc.hooks import Discovery, Reloader, Renderer
from lbdisc.plugins import Plugins
from lbdisc.settings.loading import Settings


def discovery(plugins: Plugins, settings: Settings) -> Discovery:
    provider = plugins.discovery(settings.core.backend)
    return provider.create(settings.table(provider.name))


def renderer(plugins: Plugins, settings: Settings) -> Renderer:
    provider = plugins.renderer(settings.core.renderer)
    return provider.create(settings.table(provider.name))


def reloader(plugins: Plugins, settings: Settings) -> Reloader:
    provider = plugins.reloader(settings.core.reloader)
    return provider.create(settings.table(provider.name))
