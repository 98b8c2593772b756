"""What the settings choose, made from their tables."""

from lbdisc.hooks import Discovery, Reloader, Renderer
from lbdisc.plugins import Plugins
from lbdisc.settings.loading import Configuration


def discovery(plugins: Plugins, settings: Configuration) -> Discovery:
    provider = plugins.discovery(settings.core.backend)
    return provider.create(settings.table(provider.name))


def renderer(plugins: Plugins, settings: Configuration) -> Renderer:
    provider = plugins.renderer(settings.core.renderer)
    return provider.create(settings.table(provider.name))


def reloader(plugins: Plugins, settings: Configuration) -> Reloader:
    provider = plugins.reloader(settings.core.reloader)
    return provider.create(settings.table(provider.name))
