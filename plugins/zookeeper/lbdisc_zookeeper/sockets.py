"""Connections to ZooKeeper that can be given up at once, and why one could not be made.

kazoo's own way of connecting cannot be interrupted, trusts the system's certificates beside the
given ones, leaks the socket of a failed handshake, and keeps the reason to itself.
"""

import errno
import os
import select
import socket
import ssl
import time
from collections.abc import Iterable
from threading import Event
from typing import Any

_SLICE = 0.1  # seconds between two looks at whether to give up
_UNTIMELY = (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_NAME_MISMATCH = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def connect(
    address: tuple[str, int],
    *,
    host: str,
    timeout: float,
    context: ssl.SSLContext | None,
    given_up: Event,
) -> socket.socket:
    """A connection to the IP ``address``, known as ``host``.

    Raises ``OSError`` when there is none within ``timeout`` seconds or ``given_up`` is set.
    """
    until = time.monotonic() + timeout
    raw: socket.socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    try:
        raw.setblocking(False)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = raw.connect_ex(address)
        if code == errno.EINPROGRESS:
            _until_ready([], [raw], until, given_up)
            code = raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
        if context is None:
            return raw
        raw = context.wrap_socket(raw, server_hostname=host, do_handshake_on_connect=False)
        _shake_hands(raw, until, given_up)
    except BaseException:
        raw.close()
        raise
    return raw


def _shake_hands(connection: ssl.SSLSocket, until: float, given_up: Event) -> None:
    while True:
        try:
            return connection.do_handshake()
        except ssl.SSLWantReadError:
            _until_ready([connection], [], until, given_up)
        except ssl.SSLWantWriteError:
            _until_ready([], [connection], until, given_up)


def _until_ready(
    readers: list[socket.socket], writers: list[socket.socket], until: float, given_up: Event
) -> None:
    while not given_up.is_set():
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError(errno.ETIMEDOUT, "no answer")
        if any(wait(readers, writers, min(left, _SLICE))):
            return
    raise ConnectionAbortedError(errno.ECONNABORTED, "given up")


def wait(
    readers: Iterable[Any], writers: Iterable[Any], timeout: float | None
) -> tuple[list[Any], list[Any]]:
    """Those of ``readers`` and ``writers`` that are ready, after ``timeout`` seconds at most.

    A TLS connection that holds bytes already decrypted is ready although its socket is silent:
    without this, answers that share a TLS record would wait for the next ping.
    """
    interests: dict[int, int] = {}
    readers, writers = list(readers), list(writers)
    for wanted, connections in ((select.POLLIN, readers), (select.POLLOUT, writers)):
        for connection in connections:
            number = connection.fileno()
            interests[number] = interests.get(number, 0) | wanted
    poller = select.poll()
    for number, wanted in interests.items():
        poller.register(number, wanted)
    full = [each for each in readers if isinstance(each, ssl.SSLSocket) and each.pending()]
    patience = 0 if full else None if timeout is None else max(0, -int(-timeout * 1000 // 1))
    found = dict(poller.poll(patience))
    broken = select.POLLHUP | select.POLLERR | select.POLLNVAL
    return (
        [r for r in readers if r in full or found.get(r.fileno(), 0) & (select.POLLIN | broken)],
        [w for w in writers if found.get(w.fileno(), 0) & (select.POLLOUT | broken)],
    )


def explained(error: OSError, *, certified: bool = True, flaw: str = "") -> str:
    """Why there is no connection, with the setting to look at, without saying where.

    ``certified``: we have a certificate; ``flaw`` is why it does not hold.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _UNTIMELY:
            return (
                f"its {error.verify_message}: renew it there, or set this host's clock "
                "(see zookeeper.hosts)"
            )
        named = error.verify_code in _NAME_MISMATCH
        setting = "zookeeper.hosts, zookeeper.verify" if named else "zookeeper.ca_file"
        return f"its certificate is refused: {error.verify_message} (see {setting})"
    if isinstance(error, ssl.SSLError):
        return _unspoken(error, certified=certified, flaw=flaw)
    return f"{_words(error).lower()} (see zookeeper.hosts)"


def _unspoken(error: ssl.SSLError, *, certified: bool, flaw: str) -> str:
    reason = error.reason or ""
    if reason in ("TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL"):
        return "it speaks no TLS 1.2 or newer (see zookeeper.hosts)"
    if "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
        if not certified:
            return "it wants a certificate of ours (see zookeeper.cert_file)"
        why = flaw or _words(error)
        return f"it refuses our certificate: {why} (see zookeeper.cert_file)"
    return f"no TLS with it: {_words(error)} (see zookeeper.tls, zookeeper.cert_file)"


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    return error.strerror or str(error) or type(error).__name__
