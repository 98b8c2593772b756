"""Whether HAProxy will get the addresses it is going to listen on.

A conflict passes ``haproxy -c``; at a reload the old worker then pauses all its listeners for two
seconds while the new one tries in vain. So new addresses are tried first, by binding them.
"""

import errno
import re
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from lbdisc.errors import ApplyError, shown
from lbdisc.haproxy.language.text import Bind, Configuration
from lbdisc.haproxy.versions import MAX_UNIX_PATH

_PORTS = re.compile(r"(\d+)(?:-(\d+))?")
_PASSED_OVER = ("fd@", "abns@", "abnsz@", "sockpair@", "rhttp@", "rev@", "quic", "udp", "uxdg@")


def new_binds(running: Configuration, candidate: Configuration) -> tuple[Bind, ...]:
    """The addresses that ``candidate`` listens on and ``running`` does not."""
    held = {bind.address for bind in running.binds}
    return tuple(bind for bind in candidate.binds if bind.address not in held)


def try_binds(binds: Iterable[Bind], *, held: Iterable[Bind] = (), by_us: bool = True) -> None:
    """Bind each address for a moment. Raises ``ApplyError`` that names the line and the cause.

    Not ``by_us``: HAProxy is another user's, who may bind where we may not.

    Addresses that our own HAProxy covers already (``held``, such as ``*:80`` for
    ``127.0.0.1:80``) are passed over, as is what cannot be tried: inherited, abstract and UDP
    sockets, and addresses with variables.
    """
    owned = {endpoint for bind in held for endpoint in _endpoints(bind.address)}
    for bind in binds:
        for family, host, port in _endpoints(bind.address):
            if not any(_covers(ours, host, port) for ours in owned):
                _try(family, host, port, bind, by_us)
        with suppress(PermissionError):  # a folder that is closed to us may let HAProxy in
            _check_path(bind)


def _covers(held: tuple[socket.AddressFamily, str, int], host: str, port: int) -> bool:
    """Whether our own listener at ``held`` would be in the way of a probe of ``host``."""
    _, ours, its = held
    return its == port and (ours == host or "::" in (ours, host) or "0.0.0.0" in (ours, host))


def _endpoints(address: str) -> Iterator[tuple[socket.AddressFamily, str, int]]:
    """Family, host and port of each TCP address in ``address``; none for other kinds."""
    if address.startswith(_PASSED_OVER) or unix_path(address) or "$" in address:
        return
    text = address.removeprefix("tcp@")
    kind = next(
        (kind for kind in ("ipv4@", "ipv6@", "tcp4@", "tcp6@") if text.startswith(kind)), ""
    )
    host, colon, ports = text[len(kind) :].rpartition(":")
    found = _PORTS.fullmatch(ports)
    if not colon or not found:
        return
    host = host.strip("[]")
    six = ":" in host or kind.endswith("6@")
    host = ("::" if six else "0.0.0.0") if host in ("", "*") else host
    family = socket.AF_INET6 if six else socket.AF_INET
    for port in range(int(found[1]), int(found[2] or found[1]) + 1):
        yield family, host, port


def unix_path(address: str) -> str:
    """The path of a Unix socket address, or ``""``."""
    text = address.removeprefix("unix@").removeprefix("uxst@")
    return text if text.startswith("/") or text != address else ""


def _try(family: socket.AddressFamily, host: str, port: int, bind: Bind, by_us: bool) -> None:
    with suppress(socket.gaierror), socket.socket(family, socket.SOCK_STREAM) as probe:
        # Connections in TIME_WAIT do not count, sockets that listen do, also those of others
        # that would share the port (SO_REUSEPORT).
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except socket.gaierror:
            raise
        except OSError as error:
            if by_us or error.errno not in (errno.EACCES, errno.EPERM):
                raise ApplyError(_reason(error, bind, port)) from error


def _reason(error: OSError, bind: Bind, port: int) -> str:
    where = f"line {bind.number}, bind {bind.address} in {bind.section}"
    if error.errno == errno.EADDRINUSE:
        return f"{where}: port {port} is taken by another process"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{where}: no permission for port {port}; it needs CAP_NET_BIND_SERVICE"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}: this machine has no such address"
    return f"{where}: {error.strerror or error}"


def _check_path(bind: Bind) -> None:
    path = unix_path(bind.address)
    if not path or "$" in path:
        return
    if len(path.encode()) > MAX_UNIX_PATH:
        raise ApplyError(
            f"line {bind.number}: the socket path {shown(path)} is too long: at most"
            f" {MAX_UNIX_PATH} bytes"
        )
    if not Path(path).parent.is_dir():
        raise ApplyError(f"line {bind.number}: no folder for the socket {shown(path)}")
