"""Throw-away certificates for tests: an authority, a server on loopback and a client."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Certificates:
    """PEM files in one folder, made by the ``openssl`` command."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Self:
        """A new authority with one server and one client certificate, good for a day."""
        folder.mkdir(parents=True)
        made = cls(folder)
        made._run(
            "req",
            "-x509",
            *_KEY,
            *_NO_DETAILS,
            "-subj",
            "/CN=lbdisc test authority",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
            "-keyout",
            made.authority_key,
            "-out",
            made.authority,
        )
        made.issue("server", "subjectAltName=IP:127.0.0.1,DNS:localhost")
        made.issue("client", "subjectAltName=DNS:client")
        return made

    def issue(self, name: str, alternative: str) -> None:
        """``name.pem`` and ``name.key``, signed by the authority."""
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extensions.write_text(f"{alternative}\nextendedKeyUsage=serverAuth,clientAuth\n")
        self._run(
            "req",
            *_KEY,
            "-subj",
            f"/CN={name}",
            "-keyout",
            self.folder / f"{name}.key",
            "-out",
            request,
        )
        self._run(
            "x509",
            "-req",
            "-in",
            request,
            "-days",
            "1",
            "-extfile",
            extensions,
            "-CA",
            self.authority,
            "-CAkey",
            self.authority_key,
            "-CAcreateserial",
            "-out",
            self.folder / f"{name}.pem",
        )

    @staticmethod
    def _run(*arguments: str | Path) -> None:
        openssl = shutil.which("openssl")
        assert openssl, "openssl is not installed: apt-get install openssl"
        done = subprocess.run([openssl, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"openssl {arguments[0]}: {done.stderr.strip()}"

    @property
    def authority(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def authority_key(self) -> Path:
        return self.folder / "ca.key"

    @property
    def client_certificate(self) -> Path:
        return self.folder / "client.pem"

    @property
    def client_key(self) -> Path:
        return self.folder / "client.key"

    @property
    def server_arguments(self) -> tuple[str, ...]:
        """etcd's flags: serve https, and only to clients that the authority knows."""
        return (
            f"--cert-file={self.folder / 'server.pem'}",
            f"--key-file={self.folder / 'server.key'}",
            f"--trusted-ca-file={self.authority}",
            "--client-cert-auth",
        )

    @property
    def client_arguments(self) -> list[str]:
        """etcdctl's flags."""
        return [
            f"--cacert={self.authority}",
            f"--cert={self.client_certificate}",
            f"--key={self.client_key}",
        ]

    def context(self) -> ssl.SSLContext:
        """For a client with the certificate."""
        context = ssl.create_default_context(cafile=self.authority)
        context.load_cert_chain(self.client_certificate, self.client_key)
        return context


_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_NO_DETAILS = ("-days", "1")
