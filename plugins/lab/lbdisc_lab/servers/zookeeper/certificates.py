"""Certificates for tests: an authority, a server and a client, made with the openssl program."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

NAMES = "DNS:localhost,IP:127.0.0.1"  # subject alternative names, as openssl writes them


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, both PEM; ``store`` holds both, as ZooKeeper wants them."""

    cert: Path
    key: Path

    @property
    def store(self) -> Path:
        path = self.cert.with_suffix(".store.pem")
        if not path.exists():
            path.write_text(self.key.read_text() + self.cert.read_text())
        return path


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority of its own in ``folder``."""

    folder: Path
    name: str = "authority"

    @property
    def cert(self) -> Path:
        return self.folder / f"{self.name}.pem"

    @property
    def _key(self) -> Path:
        return self.folder / f"{self.name}.key"

    def create(self) -> "Authority":
        self.folder.mkdir(parents=True, exist_ok=True)
        key = ("-newkey", "rsa:2048", "-nodes", "-keyout", self._key)
        _openssl("req", "-x509", *key, "-out", self.cert, "-days", "2", "-subj", f"/CN={self.name}")
        return self

    def issued(self, name: str) -> Certificate:
        """The certificate that ``issue`` made for ``name``."""
        return Certificate(self.folder / f"{name}.pem", self.folder / f"{name}.key")

    def issue(self, name: str, names: str = NAMES) -> Certificate:
        """A certificate for ``name``, valid for the subject alternative ``names``."""
        made = self.issued(name)
        request, extra = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extra.write_text(f"subjectAltName={names}\n")
        key = ("-newkey", "rsa:2048", "-nodes", "-keyout", made.key)
        _openssl("req", *key, "-out", request, "-subj", f"/CN={name}")
        signer = ("-CA", self.cert, "-CAkey", self._key, "-CAcreateserial")
        days = ("-days", "2", "-extfile", extra)
        _openssl("x509", "-req", "-in", request, *signer, "-out", made.cert, *days)
        return made


def _openssl(*arguments: str | Path) -> None:
    try:
        subprocess.run(
            ["openssl", *map(str, arguments)], check=True, capture_output=True, text=True
        )
    except FileNotFoundError as error:
        raise RuntimeError("openssl is missing: install the package openssl") from error
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"openssl {arguments[0]}: {error.stderr.strip()}") from error
