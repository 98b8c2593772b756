"""One HAProxy that speaks TLS before a server without it, in every way right and wrong."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lbdisc.testing.processes import Process, accepts, free_port
from lbdisc_lab.servers.certificates import Authority, Certificate

NOW = datetime.now(UTC).replace(tzinfo=None)
PAST, FUTURE = NOW - timedelta(days=2), NOW + timedelta(days=2)
IP, NAME = "127.0.0.1", "localhost"


@dataclass(frozen=True, slots=True)
class Door:
    """A port, by the certificate that it shows."""

    port: int
    line: str


class TlsFronts:
    """Doors to ``port``: ``good``, ``expired``, ``wants`` (a client certificate), and so on.

    ``plain`` leads there without TLS. ``authority`` signed what is right, and ``ours`` for clients.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.authority = Authority(folder / "tls")
        self.other = Authority(folder / "other", "other")
        issue = self.authority.issue
        self.ours = issue("ours", "client")
        self.stale = issue("stale", "client", expires=PAST)
        self.theirs = self.other.issue("theirs", "client")
        wants = f"ca-file {self.authority.cert} verify required"
        shown = {
            "good": (issue("good", IP, NAME), ""),
            "expired": (issue("expired", IP, NAME, expires=PAST), ""),
            "early": (issue("early", IP, NAME, begins=FUTURE), ""),
            "elsewhere": (issue("elsewhere", "zk.example", "192.0.2.1"), ""),
            "by_name": (issue("by_name", NAME), ""),
            "by_ip": (issue("by_ip", IP), ""),
            "by_cn": (_self_signed(folder / "tls", "by_cn", self.authority), ""),
            "self_signed": (_self_signed(folder / "tls", "self_signed"), ""),
            "foreign": (self.other.issue("foreign", IP, NAME), ""),
            "wants": (issue("wants", IP, NAME), wants),
            "old": (
                issue("old", IP, NAME),
                "ssl-min-ver TLSv1.0 ssl-max-ver TLSv1.1 ciphers ALL:@SECLEVEL=0",
            ),
        }
        self.doors = {name: self._door(*which) for name, which in shown.items()}
        self.doors["plain"] = Door(free_port(), "")
        self._port = port
        self._process = Process(
            ["haproxy", "-db", "-f", self._written()],
            log=folder / "fronts.log",
            ready=lambda: all(accepts(door.port) for door in self.doors.values()),
        )

    def _door(self, shown: Certificate, more: str) -> Door:
        pem = self.folder / f"{shown.cert.stem}.both.pem"
        pem.write_text(shown.pem)
        return Door(free_port(), f"ssl crt {pem} alpn h2 {more}")

    def _written(self) -> Path:
        binds = "".join(f"  bind {IP}:{d.port} {d.line}\n" for d in self.doors.values())
        path = self.folder / "fronts.cfg"
        path.write_text(
            "global\n  ssl-default-bind-options ssl-min-ver TLSv1.2\ndefaults\n  mode tcp\n"
            "  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n"
            f"listen fronts\n{binds}  server it {IP}:{self._port}\n"
        )
        return path

    def port(self, door: str) -> int:
        return self.doors[door].port

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()


def broken_files(folder: Path, fronts: TlsFronts) -> dict[str, Path]:
    """Files of each kind that cannot be used, by what is wrong with them."""
    folder.mkdir()
    empty, garbage, locked = (folder / name for name in ("empty", "garbage", "locked"))
    empty.touch()
    garbage.write_text("-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n")
    key = serialization.load_pem_private_key(fronts.ours.key.read_bytes(), None)
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"sesame"),
        )
    )
    return {"missing": folder / "missing", "folder": folder, "empty": empty} | {
        "garbage": garbage,
        "locked": locked,
    }


def _self_signed(folder: Path, name: str, signer: Authority | None = None) -> Certificate:
    """For ``IP`` as its common name alone; by itself unless there is a ``signer``."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, IP)])
    issuer, signing = signer.own if signer else (subject, key)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(PAST)
        .not_valid_after(FUTURE)
        .sign(signing, hashes.SHA256())
    )
    found = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    found.cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    found.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return found
