"""One registrar for one service on one agent: the first holds, others wait.

Serf itself decides between two members of one name; between two registrars on one member nothing
does, and they would overwrite each other's tag in turns.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event

import structlog

LOOK = 0.2  # seconds


@contextmanager
def claimed(rpc: str, service: str, stop: Event) -> Iterator[None]:
    """Wait until nobody else on this host claims ``service`` at the agent ``rpc``, or ``stop``.

    The claim is a socket's name in the abstract namespace: it ends with the process in any case,
    and is seen by all that reach the same loopback address.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as mine:
        _wait(mine, f"\0lbdisc-serf/{rpc}/{service}"[:107], stop)
        yield


def _wait(mine: socket.socket, name: str, stop: Event) -> None:
    told = False
    while not stop.is_set():
        with suppress(OSError):
            mine.bind(name)
            return
        if not told:
            structlog.get_logger("lbdisc.serf").warning(
                "another registrar on this host holds the service at this agent: waiting for it",
                claim=name[1:],
            )
            told = True
        stop.wait(LOOK)
