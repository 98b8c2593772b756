"""HAProxy, through its sockets."""

from typing import Any

from lbdisc.hooks import Provider, Reloader, hookimpl


@hookimpl
def lbdisc_reloader() -> Provider[Any, Reloader]:
    from lbdisc.haproxy.reloader import HaproxyReloader
    from lbdisc.haproxy.settings import HaproxySettings

    return Provider("haproxy", HaproxySettings, HaproxyReloader)
