"""What the core itself offers, through the hooks that any plugin uses."""

from dataclasses import dataclass
from typing import Any

from lbdisc.hooks import Discovery, Listener, Provider, Registrar, Reloader, Renderer, hookimpl


class File:
    """The embedded default: a folder of node files."""

    @staticmethod
    @hookimpl
    def lbdisc_discovery() -> Provider[Any, Discovery]:
        from lbdisc.builtin.file.discovery import FileDiscovery
        from lbdisc.builtin.file.settings import FileSettings

        return Provider("file", FileSettings, FileDiscovery)

    @staticmethod
    @hookimpl
    def lbdisc_registrar() -> Provider[Any, Registrar]:
        from lbdisc.builtin.file.registrar import FileRegistrar
        from lbdisc.builtin.file.settings import FileSettings

        return Provider("file", FileSettings, FileRegistrar)


class Jinja2:
    """The templates."""

    @staticmethod
    @hookimpl
    def lbdisc_renderer() -> Provider[Any, Renderer]:
        from lbdisc.builtin.jinja2.renderer import JinjaRenderer, JinjaSettings

        return Provider("jinja2", JinjaSettings, JinjaRenderer)


class HAProxy:
    """HAProxy, through its sockets."""

    @staticmethod
    @hookimpl
    def lbdisc_reloader() -> Provider[Any, Reloader]:
        from lbdisc.haproxy.reloader import HaproxyReloader
        from lbdisc.haproxy.settings import HaproxySettings

        return Provider("haproxy", HaproxySettings, HaproxyReloader)


class Command:
    """Anything with a reload command."""

    @staticmethod
    @hookimpl
    def lbdisc_reloader() -> Provider[Any, Reloader]:
        from lbdisc.builtin.command.reloader import CommandReloader, CommandSettings

        return Provider("command", CommandSettings, CommandReloader)


@dataclass(frozen=True, slots=True)
class NoSettings:
    """Nothing to set: ``[log]`` is for all lines, the service manager tells by the environment."""


class Journal:
    """One log line for each event."""

    @staticmethod
    @hookimpl
    def lbdisc_listener() -> Provider[Any, Listener]:
        from lbdisc.builtin.journal import Journal

        return Provider("journal", NoSettings, lambda _: Journal())


class Systemd:
    """The service manager, where there is one."""

    @staticmethod
    @hookimpl
    def lbdisc_listener() -> Provider[Any, Listener]:
        from lbdisc.builtin.notify import ServiceManager

        return Provider("sd_notify", NoSettings, lambda _: ServiceManager())


PLUGINS = (File, Jinja2, HAProxy, Command, Journal, Systemd)
