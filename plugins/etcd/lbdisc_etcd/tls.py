"""The files that https needs, checked so that a mistake names its setting."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lbdisc_etcd.failures import EtcdRefused
from lbdisc_etcd.settings import EtcdSettings


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom we trust and who we are: readable PEM files. Read anew for every session."""

    ca_file: Path
    cert_file: Path | None
    key_file: Path | None

    @classmethod
    def of(cls, settings: EtcdSettings) -> Self:
        """The files of ``settings``, tried. Raises ``EtcdRefused``."""
        system = ssl.get_default_verify_paths().cafile
        ca_file = settings.ca_file or (Path(system) if system else None)
        if ca_file is None:
            raise EtcdRefused("the system trusts nobody: set etcd.ca_file")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        with _named(f"etcd.ca_file {ca_file}"):
            context.load_verify_locations(ca_file)
        cert_file, key_file = settings.cert_file, settings.key_file
        if cert_file and key_file:
            with _named(f"etcd.cert_file {cert_file} and etcd.key_file {key_file}"):
                context.load_cert_chain(cert_file, key_file, _no_password)
        return cls(ca_file, cert_file, key_file)


@contextmanager
def _named(what: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLError as error:
        why = (error.reason or "no PEM file").replace("_", " ").lower()
        raise EtcdRefused(f"{what}: {why}") from error
    except OSError as error:
        raise EtcdRefused(f"{what}: cannot read: {error.strerror}") from error


def _no_password() -> str:
    """An encrypted key fails, instead of asking on the terminal."""
    return ""
