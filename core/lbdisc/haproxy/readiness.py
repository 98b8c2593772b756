"""Telling a balancer in front that this one is about to stop, while it still serves.

The default template's ``monitor fail`` looks at a variable of the process (configuration manual,
"monitor fail"; management manual, "set var"). It dies with the worker: a new one is ready again.
"""

from lbdisc.haproxy.errors import Refused
from lbdisc.haproxy.sockets.socket import Runtime

LEAVING = "proc.lbdisc_leaving"


def is_asked(socket: str, text: str) -> bool:
    """Whether the configuration ``text`` has a readiness that fails, and a way to make it fail."""
    return bool(socket) and LEAVING in text


def fail(socket: str) -> None:
    """Let the readiness of the worker at ``socket`` fail. Raises ``HaproxyError``."""
    order = f"set var {LEAVING} bool(true)"
    with Runtime(socket) as runtime:
        # What is experimental on one version is not on the next, which then takes no notice.
        _, reply = runtime.ask_all(["experimental-mode on", order])
        if reply.strip():
            raise Refused(order, reply)
