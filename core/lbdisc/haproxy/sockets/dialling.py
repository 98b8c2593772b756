"""A connection to an address as HAProxy's configuration has it."""

import socket
from contextlib import suppress
from pathlib import Path

from lbdisc.errors import shown
from lbdisc.haproxy.errors import Forbidden, Unreachable
from lbdisc.haproxy.language.addresses import Target, Tcp, Unix, where
from lbdisc.haproxy.sockets.closed import may_not_open, why_closed


def dial(address: str | Path, timeout: float) -> socket.socket:
    """A connection to ``address``: see ``lbdisc.haproxy.language.addresses``.

    Raises ``Unreachable``, of which ``Forbidden`` is one, ``SettingsError`` when there is no such
    address.
    """
    target = Unix(str(address)) if isinstance(address, Path) else where(address)
    try:
        return _connected(target, timeout)
    except OSError as error:
        if isinstance(target, Tcp) or target.path.startswith("\0"):
            what = f"nothing answers at HAProxy's socket {shown(str(address))}: {error}"
            raise Unreachable(what) from error
        kind = Forbidden if may_not_open(error) else Unreachable
        raise kind(f"nothing answers: {why_closed(target.path, error)}") from error


def _connected(target: Target, timeout: float) -> socket.socket:
    if isinstance(target, Tcp):
        return socket.create_connection((target.host, target.port), timeout=timeout)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        # The words of a configuration are bytes, as paths are.
        connection.connect(target.path.encode(errors="surrogateescape"))
    except BaseException:
        connection.close()
        raise
    return connection


def answers(address: str | Path, *, timeout: float = 1.0) -> bool:
    """Whether something accepts connections at ``address``."""
    with suppress(Unreachable):
        dial(address, timeout).close()
        return True
    return False
