"""Certificates that stand in files: tried before they are used, and read again once renewed."""

import os
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import structlog

from lbdisc.errors import SettingsError
from lbdisc.validity import flaw

LOOK = 5.0  # seconds between two looks at whether the files are still good
SETTLE = 0.05  # seconds that a replacement in progress gets, before it is called broken
_MISMATCHES = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH")
_log = structlog.get_logger("lbdisc.certificates")


@dataclass(frozen=True, slots=True)
class Pem:
    """PEM texts: whom to trust (empty: whom the system trusts), and who we are (empty: nobody)."""

    trusted: bytes = b""
    cert: bytes = b""
    key: bytes = b""

    def load_into(self, context: ssl.SSLContext) -> None:
        """Raises ``ssl.SSLError``."""
        if self.trusted:
            context.load_verify_locations(cadata=self.trusted.decode("ascii", "replace"))
        else:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        if self.cert:
            with self.files() as (_, cert, key):
                # A password keeps OpenSSL from asking for one at the terminal.
                context.load_cert_chain(cert, key, password="-")

    @contextmanager
    def files(self) -> Iterator[tuple[str, str, str]]:
        """Paths that hold authorities, certificate and key within the block, in memory alone."""
        with ExitStack() as stack:
            ca, cert, key = (_in_memory(stack, t) for t in (self.trusted, self.cert, self.key))
            yield ca, cert, key


def _in_memory(stack: ExitStack, text: bytes) -> str:
    number = os.memfd_create("pem")
    stack.callback(os.close, number)
    os.write(number, text)
    return f"/proc/self/fd/{number}"


class CertificateFiles:
    """The files of ``[table]``; for use by any number of threads.

    Read for every new connection: who replaces them needs no restart. A replacement that cannot be
    used, as it is half written or broken, is told of once; until it can, what was read before is
    used on. Only the first reading raises ``SettingsError``, which names the setting.
    """

    def __init__(
        self,
        table: str,
        *,
        ca_file: Path | None = None,
        cert_file: Path | None = None,
        key_file: Path | None = None,
    ) -> None:
        self._table = table
        self._ca, self._cert, self._key = ca_file, cert_file, key_file
        self._lock = Lock()
        self._good: Pem | None = None
        self._complaint = self._flaw = ""
        self._looked = 0.0

    def current(self) -> Pem:
        """What the files hold now, else what they held when they were last good."""
        with self._lock:
            self._looked = time.monotonic()
            try:
                return self._take(self._read())
            except SettingsError:
                time.sleep(SETTLE)
            try:
                return self._take(self._read())
            except SettingsError as error:
                if self._good is None:
                    raise
                self._complain(str(error))
                return self._good

    def look(self) -> None:
        """Tell of files that can be used no more while a connection still lives; seldom reads."""
        if time.monotonic() - self._looked > LOOK:
            self.current()

    @property
    def flaw(self) -> str:
        """Why our certificate does not hold now, with its setting; empty if it does."""
        found = flaw(self._good.cert) if self._good is not None else ""
        return found and f"{self._table}.cert_file {self._cert}: {found}"

    def _take(self, found: Pem) -> Pem:
        if found == self._good:
            found = self._good  # the same object: who made something of it need not do so again
        elif self._good is not None or self._complaint:
            _log.info("certificates read again", table=self._table)
        self._good, self._complaint = found, ""
        if self.flaw != self._flaw:
            self._flaw = self.flaw
            if self._flaw:
                _log.warning("our certificate does not hold now", why=self._flaw)
        return found

    def _complain(self, why: str) -> None:
        if why != self._complaint:
            self._complaint = why
            _log.warning("certificates cannot be used, those read before are", why=why)

    def _read(self) -> Pem:
        """What the files hold, tried. Raises ``SettingsError``."""
        trusted = cert = key = b""
        if self._ca is not None:
            trusted = self._text(self._ca, "ca_file", b"-----BEGIN CERTIFICATE", "certificate")
        if self._cert is not None:
            cert = self._text(self._cert, "cert_file", b"-----BEGIN CERTIFICATE", "certificate")
            key_file, name = (self._key, "key_file") if self._key else (self._cert, "cert_file")
            key = self._text(key_file, name, b"PRIVATE KEY-----", "private key")
            if b"ENCRYPTED" in key:
                raise self._bad(name, key_file, "the key is encrypted, it has to be plain")
        found = Pem(trusted, cert, key)
        if found != self._good:
            self._try(Pem(trusted=trusted) if trusted else None, found if cert else None)
        return found

    def _text(self, path: Path, name: str, mark: bytes, what: str) -> bytes:
        try:
            text = path.read_bytes()
        except OSError as error:
            raise self._bad(name, path, f"cannot read: {error.strerror}") from error
        if mark not in text:
            raise self._bad(name, path, f"no {what} in it (PEM)" if text.strip() else "empty")
        return text

    def _try(self, authorities: Pem | None, ours: Pem | None) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            if authorities is not None:
                authorities.load_into(context)
        except ssl.SSLError as error:
            raise self._bad("ca_file", self._ca, _words(error)) from error
        try:
            if ours is not None:
                ours.load_into(context)
        except ssl.SSLError as error:
            if error.reason in _MISMATCHES and self._key is not None:
                raise self._bad(
                    "key_file", self._key, f"not the key of {self._table}.cert_file {self._cert}"
                ) from error
            raise self._bad("cert_file", self._cert, _words(error)) from error

    def _bad(self, name: str, path: Path | None, why: str) -> SettingsError:
        return SettingsError(f"{self._table}.{name} {path}: {why}")


def _words(error: ssl.SSLError) -> str:
    return error.reason.replace("_", " ").lower() if error.reason else "no PEM that can be read"
