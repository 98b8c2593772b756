"""``[etcd]``: where the cluster is, how to prove who we are, and what the records look like."""

import re
import socket
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Annotated, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, SecretStr

from lbdisc.addresses import check_address
from lbdisc.errors import EntryError, shown
from lbdisc.fields import Seconds, described
from lbdisc.formats import Format

DEFAULT_PORT = 2379
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True, kw_only=True)
class EtcdSettings:
    """The table ``[etcd]``, for discovery and registrar alike. Raises ``ValueError``."""

    endpoints: tuple[str, ...] = described(
        "members to ask: host:port, http://host:port or https://host:port",
        (f"127.0.0.1:{DEFAULT_PORT}",),
    )
    shuffle: bool = described(
        "ask them in an order of this host's own; if false, in the order given", True
    )
    prefix: str = described("records are at PREFIX/SERVICE/NAME", "/lbdisc")
    format: Format = described(
        "what records look like: lbdisc, hostport, nerve, serverset or curator", "lbdisc"
    )
    port: Annotated[int, Field(ge=1, le=65535)] | None = described(
        "the port of records that have none", None
    )
    ttl: Annotated[float, Field(ge=2, le=3600)] = described(
        "seconds after which a registration without a sign of life ends", 10.0
    )
    user: str = described("the user to log in as; needs password", "")
    password: SecretStr | None = described("the password of user", None)
    ca_file: Path | None = described(
        "certificates to trust for https; the system's if unset (PEM)", None
    )
    cert_file: Path | None = described("our certificate for https (PEM); needs key_file", None)
    key_file: Path | None = described("the key of cert_file (PEM)", None)
    request_timeout: Seconds = described("a request without an answer has failed after", 3.0)
    login_timeout: Seconds = described(
        "a login that is not through has failed after; those of a fleet queue at the server", 60.0
    )
    page_size: Annotated[int, Field(ge=1, le=100_000)] = described(
        "records that one request of a full read asks for, at the most", 1000
    )
    reconcile_every: Seconds = described(
        "everything is read again and compared at the latest after", 60.0
    )

    def __post_init__(self) -> None:
        # ValueError is what pydantic turns into "bad setting etcd: …".
        object.__setattr__(self, "prefix", _checked_prefix(self.prefix))
        secure = {member.secure for member in self.members}
        if len(secure) > 1:
            raise ValueError("endpoints mixes http and https: give all the same scheme")
        self._check_login()
        self._check_files(secure=True in secure)

    def _check_login(self) -> None:
        if bool(self.user) != bool(self.password and self.password.get_secret_value()):
            missing, given = ("password", "user") if self.user else ("user", "password")
            raise ValueError(f"{given} is set but {missing} is not: give both or none")

    def _check_files(self, *, secure: bool) -> None:
        if (self.cert_file is None) != (self.key_file is None):
            missing, given = (
                ("key_file", "cert_file") if self.cert_file else ("cert_file", "key_file")
            )
            raise ValueError(f"{given} is set but {missing} is not: give both or none")
        if not secure and (self.ca_file or self.cert_file):
            given = "ca_file" if self.ca_file else "cert_file"
            raise ValueError(f"{given} is set but no endpoint begins with https://")

    @property
    def members(self) -> tuple["EtcdMember", ...]:
        """The endpoints, parsed; at least one, without repeats."""
        if not self.endpoints:
            raise ValueError("endpoints is empty: give at least one host:port")
        return tuple(dict.fromkeys(EtcdMember.parse(text) for text in self.endpoints))

    def members_for(self, name: str) -> tuple["EtcdMember", ...]:
        """The members in the order in which ``name`` on this host asks them, always the same."""
        members = [*self.members]
        if self.shuffle:
            Random(f"{socket.gethostname()}/{name}").shuffle(members)
        return tuple(members)


@dataclass(frozen=True, slots=True)
class EtcdMember:
    """One etcd server: ``host`` is an IP address or a host name."""

    host: str
    port: int
    secure: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """From ``host:port`` or ``http(s)://host:port``. Raises ``ValueError``."""
        with_scheme = text if _SCHEME.match(text) else f"http://{text}"
        try:
            parts = urlsplit(with_scheme)
            port = parts.port if parts.port is not None else DEFAULT_PORT
            host = check_address(parts.hostname or "")
        except EntryError as error:
            raise ValueError(f"endpoints: {shown(_safe(text))}: {error}") from error
        except ValueError as error:
            raise ValueError(f"endpoints: {shown(_safe(text))}: bad host or port") from error
        if not cls._plain(parts) or port == 0:
            raise ValueError(f"endpoints: {shown(_safe(text))}: want http(s)://host:port, no more")
        return cls(host, port, parts.scheme == "https")

    @staticmethod
    def _plain(parts: SplitResult) -> bool:
        return parts.scheme in ("http", "https") and not (
            parts.username
            or parts.password
            or parts.path.strip("/")
            or parts.query
            or parts.fragment
        )

    @property
    def literal_host(self) -> str:
        """The host as it stands before a port: an IPv6 address in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    def __str__(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.literal_host}:{self.port}"


def _safe(endpoint: str) -> str:
    """``endpoint`` without what stands before an ``@``: it may be a password."""
    return endpoint.rpartition("@")[2]


def _checked_prefix(prefix: str) -> str:
    trimmed = prefix.rstrip("/")
    if not trimmed or "//" in trimmed or not trimmed.isprintable():
        raise ValueError(f"prefix {shown(prefix)}: want a path such as /lbdisc")
    return trimmed
