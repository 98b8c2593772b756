"""HAProxy as the alternatives have it: its configuration, and whom it would send requests to."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from lbdisc.haproxy.errors import Unreachable
from lbdisc.haproxy.sockets.rows import ServerState as Row
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.processes import Process
from lbdisc_compare.contenders.contender import ServerState
from lbdisc_compare.contenders.outside.deployment import SERVE_PORT
from lbdisc_compare.contenders.outside.parts import ProgramPart
from lbdisc_compare.hosts.host import Host

BACKEND = "nodes"
QUICKLY = 1.0  # seconds; a frozen HAProxy is told from a slow one by that
# The very ones that lbdisc's default template has, so that no way is better for its checks.
BEST_CHECKS = (
    "default-server inter 1s fastinter 200ms downinter 1s rise 2 fall 3 "
    "observe layer4 error-limit 1 on-error mark-down"
)
BEST_RETRIES = (
    "    retries 3\n    option redispatch 1\n    retry-on conn-failure empty-response\n"
    "    option idle-close-on-response\n"
)
CONFIGURATION = """global
    stats socket {socket} mode 600 level admin
{more_global}
defaults
    mode http
    timeout connect 5s
    timeout client 50s
    timeout server 50s
    timeout check 2s
{more_defaults}
{more_sections}
frontend localnodes
    bind {address}:{port}
    option forwardfor
    default_backend nodes

backend nodes
    balance roundrobin
{check}
{servers}
"""
SAFE_RETRIES = "    http-request disable-l7-retry unless { method GET HEAD OPTIONS }\n"


def configuration(
    host: Host,
    socket: Path,
    *,
    servers: str,
    checks: bool,
    best: bool,
    more_global: str = "",
    more_defaults: str = "",
    more_sections: str = "",
) -> str:
    """The whole file. ``best``: retries and checks as lbdisc's template has them."""
    checked = "    option httpchk HEAD /\n" if checks else ""
    if best:
        checked += SAFE_RETRIES + (f"    {BEST_CHECKS}\n" if checks else "")
    return CONFIGURATION.format(
        socket=socket,
        address=host.address,
        port=SERVE_PORT,
        servers=servers,
        check=checked,
        more_global=more_global,
        more_defaults=more_defaults + (BEST_RETRIES if best else ""),
        more_sections=more_sections,
    )


def shown(socket: Path, named: Callable[[Row], str]) -> Mapping[str, ServerState]:
    """The nodes by what ``named`` makes of HAProxy's servers; an empty name leaves one out.

    Raises ``Unreachable`` when HAProxy does not answer within a second. Between two workers
    of a reload nobody listens for a moment, which is waited for.
    """
    end = time.monotonic() + QUICKLY
    while True:
        try:
            with Runtime(str(socket), timeout=QUICKLY) as runtime:
                rows = runtime.servers(BACKEND)
                break
        except Unreachable:
            if time.monotonic() > end:
                raise
            time.sleep(0.005)
    states = {named(row): _state(row) for row in rows if not row.in_maintenance}
    states.pop("", None)
    return states


def _state(row: Row) -> ServerState:
    if row.operational == 0:
        return "down"
    return "draining" if row.draining or row.weight == 0 else "up"


class HaproxySeat(ProgramPart):
    """A HAProxy, with the programs beside it in ``processes`` if there are any."""

    port = SERVE_PORT

    def __init__(
        self, host: Host, socket: Path, *processes: Process, named: Callable[[Row], str]
    ) -> None:
        super().__init__(host.name, host, *processes)
        self._socket = socket
        self._named = named

    def servers(self) -> Mapping[str, ServerState]:
        return shown(self._socket, self._named)

    def stages(self, name: str) -> Mapping[str, float]:
        return {}


def serves(socket: Path) -> bool:
    """Whether the HAProxy of this socket answers."""
    try:
        with Runtime(str(socket), timeout=1.0) as runtime:
            return bool(runtime.info().pid)
    except Unreachable:
        return False
