"""The service manager, where there is one."""

from typing import Any

from lbdisc.hooks import Listener, NoSettings, Provider, hookimpl


@hookimpl
def lbdisc_listener() -> Provider[Any, Listener]:
    from lbdisc.builtin.systemd.notify import ServiceManager

    return Provider("sd_notify", NoSettings, lambda _: ServiceManager())
