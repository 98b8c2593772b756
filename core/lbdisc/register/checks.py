"""What tells whether an instance serves: a connection, an HTTP answer, or a command's exit code."""

import http.client
import os
import re
import select
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event
from urllib.parse import SplitResult, urlsplit

from lbdisc.environment import for_child
from lbdisc.errors import SettingsError, shown
from lbdisc.values import Endpoint

Check = Callable[[Endpoint], str]  # what is wrong, in one line; empty when the endpoint serves
KINDS = "none, tcp, tcp://HOST:PORT, http(s)://…, an HTTP path beginning with / or a command"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_TARGET = re.compile(r"/[\x21-\x7e]*")  # RFC 9112 3.2: neither blanks nor control characters
_GLANCE = 0.02  # seconds between two looks at a check command that is silent
_BODY = 64 * 1024  # bytes; read so that a polite server need not write into a closed connection


def parse(
    text: str, *, timeout: float, stop: Event | None = None, passed: Sequence[str] = ()
) -> Check:
    """The check that ``text`` names, see ``KINDS``. Raises ``SettingsError``.

    ``timeout`` is in seconds and holds for each step of a network check; a command is killed with
    its whole process group when it is over, or when ``stop`` is set. It gets the variables
    ``passed``, as ``for_child`` has it.
    """
    text = text.strip()
    if text == "none":
        return _passes
    if text == "tcp":
        return TcpCheck(timeout=timeout)
    if scheme := _SCHEME.match(text):
        return _of_url(scheme[1].lower(), text, timeout)
    if text.startswith("/") and not _is_program(text):
        return HttpCheck(timeout=timeout, target=_checked_target(text))
    return CommandCheck(
        timeout=timeout,
        arguments=_checked_arguments(text),
        stop=stop or Event(),
        passed=tuple(passed),
    )


def _passes(endpoint: Endpoint) -> str:
    return ""


def _is_program(text: str) -> bool:
    """``/usr/bin/check --fast`` starts like an HTTP path, but a program lies there."""
    first = text.split()[0]
    return os.path.isfile(first) and os.access(first, os.X_OK)  # noqa: PTH113 - a text, no path yet


def _of_url(scheme: str, text: str, timeout: float) -> Check:
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError as error:
        raise SettingsError(f"bad check {shown(text)}: {error}") from error
    if scheme not in ("tcp", "http", "https"):
        raise SettingsError(f"unknown check scheme {shown(scheme)} in {shown(text)}: {KINDS}")
    if not host:
        raise SettingsError(f"bad check {shown(text)}: no host")
    if "@" in url.netloc:
        raise SettingsError("bad check: a URL with a user; use a command such as curl -fsS URL")
    if scheme == "tcp":
        if port is None or url.path.strip("/") or url.query:
            raise SettingsError(f"bad check {shown(text)}: tcp://HOST:PORT is needed")
        return TcpCheck(timeout=timeout, host=host, port=port)
    return HttpCheck(
        timeout=timeout,
        target=_checked_target(_target_of(url)),
        host=host,
        port=port or (443 if scheme == "https" else 80),
        tls=scheme == "https",
    )


def _target_of(url: SplitResult) -> str:
    return (url.path or "/") + (f"?{url.query}" if url.query else "")


def _checked_target(text: str) -> str:
    if _TARGET.fullmatch(text):
        return text
    raise SettingsError(f"bad check {shown(text)}: no such program, and no HTTP path either")


def _checked_arguments(text: str) -> tuple[str, ...]:
    try:
        arguments = tuple(shlex.split(text))
    except ValueError as error:
        raise SettingsError(f"bad check {shown(text)}: {error}") from error
    if not arguments:
        raise SettingsError(f"empty check: {KINDS}")
    if shutil.which(arguments[0]) is None:
        raise SettingsError(f"bad check: no program {shown(arguments[0])}; known: {KINDS}")
    return arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpCheck:
    """Passes when a connection is accepted; by the endpoint itself where no host is given."""

    timeout: float
    host: str = ""
    port: int = 0

    def __call__(self, endpoint: Endpoint) -> str:
        where = (self.host or endpoint.address, self.port or endpoint.port)
        try:
            socket.create_connection(where, timeout=self.timeout).close()
        except OSError as error:
            return f"{_shown_address(*where)}: {_reason(error, self.timeout)}"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCheck:
    """Passes when ``GET`` is answered with 2xx or 3xx; redirects are not followed.

    Certificates are verified against the system's store (``SSL_CERT_FILE`` names another).
    """

    timeout: float
    target: str
    host: str = ""
    port: int = 0
    tls: bool = False

    def __call__(self, endpoint: Endpoint) -> str:
        where = (self.host or endpoint.address, self.port or endpoint.port)
        try:
            status = self._status(*where)
        except OSError as error:
            why = _reason(error, self.timeout)
        except http.client.HTTPException as error:
            why = f"no HTTP answer: {shown(str(error) or type(error).__name__)}"
        else:
            why = "" if 200 <= status < 400 else f"status {status}"
        return why and f"{_shown_address(*where)}: {why}"

    def _status(self, host: str, port: int) -> int:
        connection = self._connection(host, port)
        headers = {"User-Agent": "lbdisc", "Accept": "*/*", "Connection": "close"}
        try:
            connection.request("GET", self.target, headers=headers)
            response = connection.getresponse()
            response.read(_BODY)
            return response.status
        finally:
            connection.close()

    def _connection(self, host: str, port: int) -> http.client.HTTPConnection:
        if self.tls:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self.timeout, context=context)
        return http.client.HTTPConnection(host, port, timeout=self.timeout)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandCheck:
    """Passes when the program ends with exit code 0 in time; run without a shell."""

    timeout: float
    arguments: tuple[str, ...]
    stop: Event = field(default_factory=Event, compare=False)
    passed: tuple[str, ...] = ()

    def __call__(self, endpoint: Endpoint) -> str:
        try:
            child = subprocess.Popen(
                self.arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                process_group=0,
                env=for_child(self.passed),
            )
        except OSError as error:
            return f"cannot run {shown(self.arguments[0])}: {error.strerror}"
        with child:
            try:
                return self._outcome(child)
            finally:
                # What it left behind must not pile up, one more with every check.
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)

    def _outcome(self, child: "subprocess.Popen[bytes]") -> str:
        said = self._follow(child)
        code = child.returncode
        if code is None:
            return f"{self.arguments[0]}: not done within {self.timeout:g} s, killed"
        if code == 0:
            return ""
        how = f"exit code {code}" if code > 0 else f"ended by signal {-code}"
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        return f"{self.arguments[0]}: {how}" + "".join(f", {shown(line)}" for line in last)

    def _follow(self, child: "subprocess.Popen[bytes]") -> bytes:
        """Wait for the end of ``child`` while time is left; returns the last that it said.

        Its output is read all the time, as a full pipe would stop it. The end of the output is not
        waited for: something it left in the background may hold it open.
        """
        assert child.stdout is not None
        output = child.stdout.fileno()
        said, end = b"", time.monotonic() + self.timeout
        poll = select.poll()
        poll.register(output, select.POLLIN)
        ended = False
        while not ended and time.monotonic() < end and not self.stop.is_set():
            ended = child.poll() is not None
            if poll.poll(0 if ended else _GLANCE * 1000):
                chunk = os.read(output, _BODY)
                said = (said + chunk)[-1024:]
                if not chunk and not ended:
                    self.stop.wait(_GLANCE)  # it closed its output and goes on
        return said


def _reason(error: OSError, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} s"
    if isinstance(error, ssl.SSLError):
        return shown(str(error))
    return error.strerror or shown(str(error))


def _shown_address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
