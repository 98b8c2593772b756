"""Telling the service manager how we are: sd_notify(3), datagrams to NOTIFY_SOCKET."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from lbdisc import events


@dataclass(frozen=True, slots=True)
class Notifier:
    """Sends states to the service manager; without a socket it does nothing.

    ``watchdog`` is the time in seconds within which WATCHDOG=1 is expected, 0 for never.
    """

    address: str = ""
    watchdog: float = 0.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID as sd_watchdog_enabled(3) does."""
        env = os.environ if environment is None else environment
        ours = env.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        period = env.get("WATCHDOG_USEC", "") if ours else ""
        return cls(
            env.get("NOTIFY_SOCKET", ""), int(period) / 1_000_000 if period.isdigit() else 0.0
        )

    def send(self, *states: str) -> None:
        """Send ``READY=1``, ``STOPPING=1``, ``STATUS=…``; a service manager gone is no error."""
        if not self.address.startswith(("/", "@")):
            return
        target = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto("\n".join(states).encode(), target)


class ServiceManager:
    """The listener ``sd_notify``: ready after the first generation, stopping at the end.

    A registrar is ready with the registry's first answer, whatever it is: a registry that is down
    must not make the service manager stop a healthy COMMAND. The watchdog is fed by each program's
    own loop: only that proves that it turns.
    """

    def __init__(self, notifier: Notifier | None = None) -> None:
        self._notifier = Notifier.from_environment() if notifier is None else notifier

    def hear(self, event: events.Event) -> None:
        if states := _states(event):
            self._notifier.send(*states)

    def close(self) -> None:
        """Nothing is held."""


def _states(event: events.Event) -> tuple[str, ...]:
    match event:
        case events.ProgramReady():
            return ("READY=1",)
        case events.ProgramStopping():
            return ("STOPPING=1",)
        case events.EntryRegistered() | events.EntryDraining() | events.EntryKept():
            return ("READY=1", f"STATUS=registered as {event.endpoint}")
        case events.EntryWaiting():
            return ("READY=1", "STATUS=another holds this name: waiting")
        case events.EntryRefused():
            return ("READY=1", f"STATUS={event.name}: {event.error}")
    return ()
