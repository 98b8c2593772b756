"""Whether HAProxy will get the addresses it is going to listen on: tried by binding them.

A conflict passes ``haproxy -c``; at a reload the old worker then pauses all its listeners for two
seconds while the new one tries in vain. What HAProxy may bind and we may not is never refused.
"""

import errno
import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from lbdisc.errors import NotLoaded, shown
from lbdisc.haproxy.binding.addresses import Target, targets
from lbdisc.haproxy.binding.binder import Binder
from lbdisc.haproxy.binding.wanted import Listening, listeners
from lbdisc.haproxy.language.model import Configuration
from lbdisc.haproxy.versions import MAX_UNIX_PATH

_FREEBIND = 15  # IP_FREEBIND (ip(7)), which needs no right; any of three will do for HAProxy
_RIGHTS = (errno.EACCES, errno.EPERM)
_TAKEN = errno.EADDRINUSE


def try_new(running: Configuration | None, candidate: Configuration, by: Binder) -> None:
    """Try what ``candidate`` listens on and ``running`` does not, by binding it for a moment.

    Raises ``NotLoaded`` that names the line and the cause.
    """
    if not by.here:
        return
    wanted = _of(candidate, by)
    held = _of(running, by) if running else ()
    known = set(held)
    owned = [target for listener in held for target in targets(listener)]
    # Where its sockets are ours and share their port, one that does not let us in is another's.
    shares = by.ours and not any(candidate.globals("noreuseport"))
    for listener in wanted:
        if listener in known or listener.option("namespace"):
            continue  # what a namespace holds is not to be seen
        for target in targets(listener):
            beside = any(each.covers(target) for each in owned)
            _try_for(by, target, listener, held=beside, passed=() if shares else (_TAKEN,))


def _try_for(
    by: Binder, target: Target, listener: Listening, *, held: bool, passed: Iterable[int]
) -> None:
    try:
        _try(target, listener, held=held)
    except OSError as error:
        spared = (*(() if by.ours else _RIGHTS), *(passed if held else ()))
        if error.errno not in spared:
            raise NotLoaded(_reason(error, listener, target)) from error


def _of(configuration: Configuration, by: Binder) -> tuple[Listening, ...]:
    return listeners(configuration, environment=by.environment, local_peer=by.local_peer)


def _try(target: Target, listener: Listening, *, held: bool) -> None:
    if target.path:
        _check_path(target.path)
    elif target.abstract:
        with socket.socket(socket.AF_UNIX) as probe:
            if not held:
                probe.bind(target.abstract)
    else:
        _try_ip(target, listener, held=held)


def _try_ip(target: Target, listener: Listening, *, held: bool) -> None:
    kind = socket.SOCK_DGRAM if target.datagrams else socket.SOCK_STREAM
    with socket.socket(target.family, kind) as probe:
        _prepare(probe, target, listener)
        if not held:
            probe.bind((target.host, target.port))
            if not target.datagrams:
                probe.listen(1)
        elif not target.datagrams:
            # Beside HAProxy's own listener, as its next worker will be. It must not listen: it
            # would be given connections.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            probe.bind((target.host, target.port))


def _prepare(probe: socket.socket, target: Target, listener: Listening) -> None:
    """As HAProxy makes it, but for sharing the port."""
    if not target.datagrams:
        # Connections in TIME_WAIT do not count, sockets that listen do, also those of others
        # that would share the port (SO_REUSEPORT).
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if target.family == socket.AF_INET6 and target.dual is not None:
        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not target.dual))
    if listener.option("transparent"):
        probe.setsockopt(socket.SOL_IP, _FREEBIND, 1)
    if device := listener.option("interface"):
        with suppress(OSError):  # HAProxy only warns, and binds without it (measured, 2.6 to 3.4)
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0")


def _check_path(path: str) -> None:
    """HAProxy makes the socket beside its place and renames it: one that is there is no hindrance.

    A folder that is closed to us may let HAProxy in.
    """
    if len(path.encode(errors="surrogateescape")) > MAX_UNIX_PATH:
        raise OSError(
            errno.ENAMETOOLONG,
            f"the socket path {shown(path)} is too long: at most {MAX_UNIX_PATH} bytes",
        )
    folder = Path(path).parent
    with suppress(PermissionError):
        if not folder.is_dir():
            raise OSError(errno.ENOENT, f"no folder for the socket {shown(path)}")
        if Path(path).is_dir():
            raise OSError(errno.EISDIR, f"{shown(path)} is a folder, and no socket")
    if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, f"no permission to make a socket in {folder}")


def _reason(error: OSError, listener: Listening, target: Target) -> str:
    where = f"line {listener.number}, {listener.what} {listener.address} in {listener.section}"
    port = f"{'UDP ' if target.datagrams else ''}port {target.port}"
    if target.path:
        return f"{where}: {error.strerror}"
    if error.errno == _TAKEN:
        what = f"the name {shown(listener.address)}" if target.abstract else port
        return f"{where}: {what} is taken by another process"
    if error.errno in _RIGHTS:
        return f"{where}: no permission for {port}; it needs CAP_NET_BIND_SERVICE"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}: this machine has no such address"
    return f"{where}: {error.strerror or error}"
