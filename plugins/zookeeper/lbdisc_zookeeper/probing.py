"""Why a member that takes connections does not answer us: asked with the word ``srvr``.

ZooKeeper closes a connection without a reason. That word it answers also where it serves nobody.
"""

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress

from lbdisc_zookeeper import sockets

PATIENCE = 0.5  # seconds for an answer
CONNECTING = 2.0  # seconds for a connection; the first with TLS is slow
AT_ONCE = 0.1  # seconds within which a server that wants nobody closes a connection
_MOST = 4096  # bytes of an answer
_SHOWN = 40  # signs of a stranger's answer
_TOO_MANY = "maxClientCnxns in its zoo.cfg"
_CLOSES = f"it closes connections at once: see {_TOO_MANY}"
_HIDDEN = (
    "no answer; it may have no majority, be read-only, or have too many connections of this host "
    "(srvr is not in its 4lw.commands.whitelist)"
)
_ANSWERS = {
    "not currently serving": "it serves nobody: its ensemble has no majority (see its log)",
    "Mode: read-only": "it is read-only: it has lost the majority of its ensemble",
    "not in the whitelist": _HIDDEN,
}

Connect = Callable[[ssl.SSLContext | None], socket.socket]


def cause(
    connect: Connect,
    context: ssl.SSLContext | None,
    explained: Callable[[OSError], str] = sockets.explained,
) -> str:
    """In one line, with the setting to look at; takes some ``PATIENCE`` at most."""
    try:
        with connect(context) as connection:
            heard = _heard(connection, AT_ONCE)
            if heard == b"":
                return _CLOSES
            if heard is None:
                with suppress(OSError):
                    connection.sendall(b"srvr\n")
                heard = _heard(connection, PATIENCE)
    except OSError as error:
        # It took the connection, and had closed it before we looked: who takes none refuses.
        if context is None and isinstance(error, BrokenPipeError | ConnectionResetError):
            return _CLOSES
        return explained(error)
    if heard:
        return _read(heard.decode(errors="replace"), tls=context is not None)
    if context is None and _speaks_tls(connect):
        return "it wants TLS (see zookeeper.tls)"
    if heard is None:
        return "no answer of a ZooKeeper, it says nothing (see zookeeper.hosts, zookeeper.tls)"
    return (
        "no answer of a ZooKeeper, it closes the connection (see zookeeper.hosts, zookeeper.tls, "
        f"{_TOO_MANY})"
    )


def _heard(connection: socket.socket, patience: float) -> bytes | None:
    """What comes before the end or in time; ``None`` if neither comes, empty for a mere end.

    Raises ``ssl.SSLError`` when TLS ends with a reason.
    """
    until, heard = time.monotonic() + patience, b""
    while len(heard) < _MOST and (left := until - time.monotonic()) > 0:
        if not any(sockets.wait([connection], [], left)):
            break
        try:
            part = connection.recv(_MOST)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            continue
        except ssl.SSLError as error:
            if "ALERT" in (error.reason or ""):
                raise  # with TLS 1.3 a certificate of ours is refused only here
            part = b""
        except OSError:
            part = b""
        if not part:
            return heard
        heard += part
    return heard or None


def _read(answer: str, *, tls: bool) -> str:
    for sign, meaning in _ANSWERS.items():
        if sign in answer:
            return meaning
    for line in answer.splitlines():
        if line.startswith("Mode: "):
            return f"it serves ({line[6:]}), and closed our connection"
    if not tls and answer.startswith("\x15\x03"):
        return "it wants TLS (see zookeeper.tls)"
    first = (answer.splitlines() or [""])[0][:_SHOWN]
    said = "".join(sign if sign.isprintable() else "?" for sign in first)
    return f"it is no ZooKeeper, it says {said!r} (see zookeeper.hosts)"


def _speaks_tls(connect: Connect) -> bool:
    """Whether it answers a greeting of TLS, whoever it trusts and whatever its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        connect(context).close()
    except ssl.SSLError as error:
        return "alert" in str(error).lower()
    except OSError:
        return False
    return True
