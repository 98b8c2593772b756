"""``[zookeeper]``: where the ensemble is, how to be let in, and what to read there."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from lbdisc.errors import SettingsError, shown
from lbdisc.fields import Seconds, described
from lbdisc.formats import Format
from lbdisc.secret_files import current

Access = Literal["auto", "owner", "open", "private"]
Verify = Literal["full", "ca", "none"]
Port = Annotated[int, Field(ge=1, le=65535)]

DEFAULT_PORT = 2181
# What ZooKeeper itself refuses in a path (PathUtils.validatePath), and what nobody means.
_SEGMENT = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\uf8ff\ufff0-\uffff/]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ZooKeeperSettings:
    """``[zookeeper]``; durations are seconds."""

    hosts: tuple[str, ...] = described("the ensemble's members, HOST:PORT", ("127.0.0.1:2181",))
    chroot: str = described("an existing node that stands for the root, such as /production", "")
    prefix: str = described("where SERVICE/NAME are found and registered", "/lbdisc")
    format: Format = described("what the nodes hold; a registrar writes lbdisc only", "lbdisc")
    port: Port | None = described("the port of entries that name none", None)
    session_timeout: Seconds = described(
        "a crashed registrar's entry is gone after this; the server's 2 to 20 tickTime bound it",
        10.0,
    )
    connect_timeout: Seconds = described("how long to try for a first connection", 5.0)
    reconcile_every: Seconds = described(
        "everything is read again and compared at the latest after", 60.0
    )
    sasl_user: str = described("the user for SASL DIGEST-MD5; no SASL if empty", "")
    sasl_password: SecretStr | None = described("the password of sasl_user", None)
    digest_user: str = described("the user of ZooKeeper's digest scheme; none if empty", "")
    digest_password: SecretStr | None = described("the password of digest_user", None)
    acl: Access = described(
        "owner: all may read, only these credentials write; private: nobody else; open: all may;"
        " auto: owner with a user, else open, and said",
        "auto",
    )
    tls: bool = described("speak TLS; ca_file or cert_file imply it", False)
    ca_file: Path | None = described("certificates to trust; the system's if unset", None)
    cert_file: Path | None = described("our certificate chain (PEM), if the server asks", None)
    key_file: Path | None = described("its private key (PEM); in cert_file if unset", None)
    verify: Verify = described(
        "full: the server's certificate and name; ca: not its name; none: nothing", "full"
    )

    def __post_init__(self) -> None:
        # ValueError is what pydantic turns into "bad setting zookeeper: …".
        for kind in ("sasl", "digest"):
            self._check_pair(kind)
        if self.key_file and not self.cert_file:
            raise ValueError("key_file is set but cert_file is not: give both, or cert_file alone")
        if self.acl in ("owner", "private") and not (self.authenticates or self.cert_file):
            raise ValueError(
                f"acl is {self.acl!r} but nobody logs in, so all could write: give sasl_user or "
                "digest_user with a password, or cert_file, or set acl to 'open'"
            )

    def _check_pair(self, kind: str) -> None:
        user, password = getattr(self, f"{kind}_user"), getattr(self, f"{kind}_password")
        if bool(user) != bool(password and password.get_secret_value()):
            missing, given = ("password", "user") if user else ("user", "password")
            raise ValueError(
                f"{kind}_{given} is set but {kind}_{missing} is not: give both or none"
            )

    @property
    def access(self) -> Literal["owner", "open", "private"]:
        """What ``acl`` comes to."""
        if self.acl == "auto":
            return "owner" if self.authenticates else "open"
        return self.acl

    @property
    def speaks_tls(self) -> bool:
        return self.tls or self.ca_file is not None or self.cert_file is not None

    @property
    def authenticates(self) -> bool:
        return bool(self.sasl_user or self.digest_user)


def members(settings: ZooKeeperSettings) -> list[str]:
    """The ensemble as ``HOST:PORT``. Raises ``SettingsError`` for what is none."""
    if not settings.hosts:
        raise SettingsError("zookeeper.hosts is empty: at least one HOST:PORT")
    return [_member(host) for host in settings.hosts]


def _member(text: str) -> str:
    try:
        parts = urlsplit(f"//{text.strip()}")
        host, port = parts.hostname, parts.port or DEFAULT_PORT
        if not host or parts.path or parts.query or parts.username is not None:
            raise ValueError(text)
    except ValueError as error:
        raise SettingsError(f"zookeeper.hosts: {shown(text)} is no HOST:PORT") from error
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def base_path(text: str, *, what: str) -> str:
    """``text`` without a slash at its end, ``""`` for the root. Raises ``SettingsError``."""
    path = text.rstrip("/")
    if not path:
        return ""
    segments = path.split("/")
    if segments[0] or not all(_is_segment(segment) for segment in segments[1:]):
        raise SettingsError(f"{what}: {shown(text)} is no path in ZooKeeper such as /lbdisc")
    return path


def _is_segment(text: str) -> bool:
    return text not in (".", "..") and _SEGMENT.fullmatch(text) is not None


def secret(value: SecretStr | None, *, what: str) -> str:
    """The text of ``value``, as its file says now. Raises ``SettingsError`` when it is not set."""
    if value is None:
        raise SettingsError(f"{what} is not set: the user needs a password")
    return current(value)
