"""Throw-away certificates: an authority and what it signs, as PEM files in one folder."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

NAMES = ("localhost", "127.0.0.1")  # what a server on loopback is called


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, which only the owner may read."""

    cert: Path
    key: Path

    @property
    def pem(self) -> str:
        """The text of both, as HAProxy's ``crt`` has them in one file."""
        return self.cert.read_text() + self.key.read_text()


class Authority:
    """A certificate authority; ``cert`` is the file to trust it by."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.cert = folder / f"{name}.pem"
        self._folder = folder
        self._signer = trustme.CA(organization_unit_name=name)
        self._signer.cert_pem.write_to_path(self.cert)

    @property
    def own(self) -> tuple[x509.Name, CertificateIssuerPrivateKeyTypes]:
        """Its name and its key, for certificates that ``issue`` does not make."""
        signer = self._signer.private_key_pem.bytes()
        cert = x509.load_pem_x509_certificate(self._signer.cert_pem.bytes())
        key = serialization.load_pem_private_key(signer, password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return cert.subject, key

    def issue(
        self,
        name: str,
        *names: str,
        begins: datetime | None = None,
        expires: datetime | None = None,
    ) -> Certificate:
        """``name.pem`` and ``name.key``, good for hosts and addresses ``names`` until ``expires``.

        Files of this name are replaced, which is how a server gets another certificate.
        """
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        leaf = self._signer.issue_cert(
            *names, common_name=name, not_before=begins, not_after=expires
        )
        made.key.touch(mode=0o600)
        made.key.write_bytes(_pkcs8(leaf.private_key_pem.bytes()))
        leaf.cert_chain_pems[0].write_to_path(made.cert)
        return made


class Certificates:
    """An authority with a certificate for a server called ``names`` and one for a client."""

    def __init__(self, folder: Path, names: tuple[str, ...] = NAMES) -> None:
        self.authority = Authority(folder)
        self.server = self.authority.issue("server", *names)
        self.client = self.authority.issue("client", "client")


def _pkcs8(key: bytes) -> bytes:
    """``key`` as Java reads it: trustme only writes the older form, named after the algorithm."""
    return serialization.load_pem_private_key(key, password=None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
