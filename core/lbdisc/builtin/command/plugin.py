"""Anything with a reload command."""

from typing import Any

from lbdisc.hooks import Provider, Reloader, hookimpl


@hookimpl
def lbdisc_reloader() -> Provider[Any, Reloader]:
    from lbdisc.builtin.command.reloader import CommandReloader, CommandSettings

    return Provider("command", CommandSettings, CommandReloader)
