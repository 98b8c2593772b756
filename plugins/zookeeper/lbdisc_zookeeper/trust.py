"""TLS by the certificates as their files are now."""

import ssl
from functools import cache

from lbdisc.certificates import CertificateFiles, Pem
from lbdisc.errors import SettingsError
from lbdisc_zookeeper import sockets
from lbdisc_zookeeper.settings import ZooKeeperSettings


def certificates(settings: ZooKeeperSettings) -> CertificateFiles | None:
    """The files of TLS, ``None`` without it. Raises ``SettingsError`` for a key without a use."""
    if settings.key_file is not None and settings.cert_file is None:
        raise SettingsError("zookeeper.key_file is set without zookeeper.cert_file")
    return _files_of(settings) if settings.speaks_tls else None


@cache
def _files_of(settings: ZooKeeperSettings) -> CertificateFiles:
    """Those of this process: what was good once outlives a connection."""
    return CertificateFiles(
        "zookeeper",
        ca_file=settings.ca_file,
        cert_file=settings.cert_file,
        key_file=settings.key_file,
    )


class Contexts:
    """How to speak TLS, by the files as they are for each new connection."""

    def __init__(self, settings: ZooKeeperSettings) -> None:
        self.files = certificates(settings)
        self._verify = settings.verify
        self._certified = settings.cert_file is not None
        self._made: tuple[Pem, ssl.SSLContext] | None = None

    def current(self) -> ssl.SSLContext | None:
        """``None`` without TLS. Raises ``SettingsError`` for files that were never usable."""
        if self.files is None:
            return None
        found = self.files.current()
        if self._made is None or self._made[0] is not found:
            self._made = found, self._new(found)
        return self._made[1]

    def _new(self, found: Pem) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = self._verify == "full"
        context.verify_mode = ssl.CERT_NONE if self._verify == "none" else ssl.CERT_REQUIRED
        found.load_into(context)
        return context

    def explained(self, error: OSError) -> str:
        """Why there is no connection, with the setting to look at."""
        flaw = self.files.flaw if self.files else ""
        return sockets.explained(error, certified=self._certified, flaw=flaw)
