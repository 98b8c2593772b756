"""Where a server runs: on loopback, or on a machine of its own as far as the network goes."""

import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from lbdisc.testing.processes import free_port


class Machine(Protocol):
    """An address, and what a command line begins with to run there."""

    @property
    def address(self) -> str: ...

    @property
    def prefix(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Loopback:
    """This machine, at an address of its own."""

    address: str = "127.0.0.1"
    prefix: tuple[str, ...] = ()


def port_on(machine: Machine, wanted: int) -> int:
    """``wanted``, which is free in a network of its own; on loopback another one if it is not."""
    if not machine.prefix:
        with suppress(OSError), socket.socket() as probe:
            # As servers have it: a connection that has just ended does not take the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((machine.address, wanted))
            return wanted
        return free_port(machine.address)
    return wanted
