"""Runtime commands as values: each knows its text, and which replies mean success.

Each is an ``Order`` that speaks of one server.
"""

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from lbdisc.errors import shown
from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.sockets.orders import Order, is_name
from lbdisc.haproxy.versions import MAX_WEIGHT

AdminState = Literal["ready", "drain", "maint"]
Health = Literal["up", "stopping", "down"]


@dataclass(frozen=True, slots=True)
class Command(Order):
    """One command for one server of a proxy. Raises ``HaproxyError`` for words it cannot hold."""

    proxy: str
    server: str

    def __post_init__(self) -> None:
        if not (is_name(self.proxy) and is_name(self.server)):
            raise HaproxyError(f"no name for a command: {shown(self.target)}")
        super(Command, self).__post_init__()

    @property
    def target(self) -> str:
        return f"{self.proxy}/{self.server}"


@dataclass(frozen=True, slots=True)
class AddServer(Command):
    """Make a server, in maintenance and without running checks. ``address`` is ``IP:PORT``."""

    address: str
    options: tuple[str, ...] = ()
    success: ClassVar[re.Pattern[str]] = re.compile(r"New server registered\.")

    def words(self) -> tuple[str, ...]:
        return ("add", "server", self.target, self.address, *self.options)


@dataclass(frozen=True, slots=True)
class EnableServer(Command):
    """Take a server out of maintenance."""

    def words(self) -> tuple[str, ...]:
        return ("enable", "server", self.target)


@dataclass(frozen=True, slots=True)
class EnableHealth(Command):
    """Start the health checks of a server that has ``check``."""

    def words(self) -> tuple[str, ...]:
        return ("enable", "health", self.target)


@dataclass(frozen=True, slots=True)
class DisableHealth(Command):
    """Stop the health checks of a server, which stays as it is."""

    def words(self) -> tuple[str, ...]:
        return ("disable", "health", self.target)


@dataclass(frozen=True, slots=True)
class SetWeight(Command):
    """Give a server the weight 0..256; 0 lets its sessions finish and sends no new ones."""

    weight: int

    def __post_init__(self) -> None:
        super(SetWeight, self).__post_init__()
        if not 0 <= self.weight <= MAX_WEIGHT:
            raise HaproxyError(f"weight of {self.target} is {self.weight}: 0 to {MAX_WEIGHT}")

    def words(self) -> tuple[str, ...]:
        return ("set", "server", self.target, "weight", str(self.weight))


@dataclass(frozen=True, slots=True)
class SetAddress(Command):
    """Move a server to another IP address and port; its health stays as it is."""

    address: str
    port: int
    # "no need to change …" is how HAProxy up to 2.9, "nothing changed" how 3.0 says: as asked.
    success: ClassVar[re.Pattern[str]] = re.compile(
        r"nothing changed|(IP changed|port changed|no need to change the addr)"
        r"(?!.*(?:[Ii]nvalid|[Ee]rror|fail)).*"
    )

    def words(self) -> tuple[str, ...]:
        return ("set", "server", self.target, "addr", self.address, "port", str(self.port))


@dataclass(frozen=True, slots=True)
class SetState(Command):
    """Set the administrative state: ready, drain (no new sessions) or maint (no traffic)."""

    state: AdminState

    def words(self) -> tuple[str, ...]:
        return ("set", "server", self.target, "state", self.state)


@dataclass(frozen=True, slots=True)
class SetHealth(Command):
    """Say what the next check result is weighed against; without ``check`` it does nothing."""

    health: Health

    def words(self) -> tuple[str, ...]:
        return ("set", "server", self.target, "health", self.health)


@dataclass(frozen=True, slots=True)
class DeleteServer(Command):
    """Remove a server that is in maintenance and has no stream left. Only for 3.0 and newer."""

    success: ClassVar[re.Pattern[str]] = re.compile(r"Server deleted\.")

    def words(self) -> tuple[str, ...]:
        return ("del", "server", self.target)


@dataclass(frozen=True, slots=True)
class ShutdownSessions(Command):
    """Cut the sessions of a server; their clients see an error."""

    def words(self) -> tuple[str, ...]:
        return ("shutdown", "sessions", "server", self.target)


@dataclass(frozen=True, slots=True)
class WaitRemovable(Command):
    """Wait up to ``limit`` milliseconds until a server can be deleted. Only for 3.0 and newer."""

    limit: int
    success: ClassVar[re.Pattern[str]] = re.compile(r"Done\.")

    def words(self) -> tuple[str, ...]:
        return ("wait", f"{self.limit}ms", "srv-removable", self.target)

    @property
    def lasts(self) -> float:
        return self.limit / 1000


@dataclass(frozen=True, slots=True)
class EnableDynamicCookie(Command):
    """Fill in the cookies of a proxy's servers (before 3.0 a new server has an empty one).

    ``server`` is the server for whose sake it is sent; the command itself names the proxy only.
    """

    def words(self) -> tuple[str, ...]:
        return ("enable", "dynamic-cookie", "backend", self.proxy)
