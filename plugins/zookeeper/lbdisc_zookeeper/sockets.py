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

from lbdisc.errors import SettingsError
from lbdisc_zookeeper.settings import ZooKeeperSettings

_SLICE = 0.1  # seconds between two looks at whether to give up
_NAME_MISMATCH = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def tls_context(settings: ZooKeeperSettings) -> ssl.SSLContext | None:
    """How to speak TLS, ``None`` if not at all. Raises ``SettingsError`` for unusable files."""
    if not settings.speaks_tls:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = settings.verify == "full"
    context.verify_mode = ssl.CERT_NONE if settings.verify == "none" else ssl.CERT_REQUIRED
    _trust(context, settings)
    _identify(context, settings)
    return context


def _trust(context: ssl.SSLContext, settings: ZooKeeperSettings) -> None:
    if settings.ca_file is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return
    try:
        context.load_verify_locations(settings.ca_file)
    except OSError as error:
        raise SettingsError(
            f"zookeeper.ca_file: no certificates in {settings.ca_file}: {_words(error)}"
        ) from error


def _identify(context: ssl.SSLContext, settings: ZooKeeperSettings) -> None:
    if settings.cert_file is None:
        if settings.key_file is not None:
            raise SettingsError("zookeeper.key_file is set without zookeeper.cert_file")
        return
    try:
        # The empty password keeps OpenSSL from asking for one at the terminal.
        context.load_cert_chain(settings.cert_file, settings.key_file, password="")
    except OSError as error:
        raise SettingsError(
            f"zookeeper.cert_file, zookeeper.key_file: no certificate with its key in "
            f"{settings.cert_file}, {settings.key_file or 'the same file'}: {_words(error)}"
        ) from error


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


def explained(error: OSError) -> str:
    """Why there is no connection, with the setting to look at, without saying where."""
    if isinstance(error, ssl.SSLCertVerificationError):
        setting = "verify" if error.verify_code in _NAME_MISMATCH else "ca_file"
        return f"its certificate is refused: {error.verify_message} (see zookeeper.{setting})"
    if isinstance(error, ssl.SSLError | ssl.SSLEOFError):
        return f"no TLS with it: {_words(error)} (see zookeeper.tls, zookeeper.cert_file)"
    return f"{_words(error).lower()} (see zookeeper.hosts)"


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    return error.strerror or str(error) or type(error).__name__
