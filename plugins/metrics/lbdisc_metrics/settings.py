"""``[metrics]``: where they are served, to whom, and where traces are sent."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from lbdisc.addresses import is_loopback
from lbdisc.errors import shown
from lbdisc.fields import described
from lbdisc_metrics.endpoint import traces_url

LOOPBACK = "127.0.0.1"
_MOST = 65535


@dataclass(frozen=True, slots=True)
class Door:
    """An IP address of this machine, or one that stands for all of them, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_inside(self) -> bool:
        """Whether only this machine comes to it."""
        return is_loopback(self.host)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings:
    """``[metrics]``; raises ``ValueError`` for what would be open to everybody."""

    bind: str = described(
        "where `lbdisc run` serves /metrics, /livez and /readyz: PORT (on loopback), ADDRESS:PORT;"
        " off if empty",
        "",
    )
    register_bind: str = described("the same for `lbdisc register`", "")
    token: SecretStr | None = described(
        "who asks for /metrics sends it as `Authorization: Bearer …`; needed beyond loopback", None
    )
    tls_cert: Path | None = described("speak TLS with this certificate chain (PEM)", None)
    tls_key: Path | None = described("its private key (PEM); in tls_cert if unset", None)
    services: tuple[str, ...] = described(
        "the services that labels name, all others are `other`", ("{services}",)
    )
    traces_endpoint: str = described(
        "where `lbdisc run` sends a trace of each generation: the OTLP/HTTP address of a collector"
        " on loopback, or https://; needs the extra `traces`; off if empty",
        "",
    )
    traces_token: SecretStr | None = described(
        "the collector gets it as `Authorization: Bearer …`", None
    )
    traces_ca: Path | None = described(
        "whose certificates of a collector count (PEM); those of the package certifi if unset", None
    )

    def __post_init__(self) -> None:
        # ValueError is what pydantic turns into "bad setting metrics: …".
        for name, text in (("bind", self.bind), ("register_bind", self.register_bind)):
            found = door(text, name)
            if found and not found.is_inside and not self._has_token:
                raise ValueError(
                    f"{name} {found} can be reached from other machines: set token_file"
                    f" (or token), or bind {LOOPBACK}:{found.port}"
                )
        if self.token is not None and not self._has_token:
            raise ValueError("token is empty: give one, or leave it out")
        if self.tls_key and not self.tls_cert:
            raise ValueError("tls_key is set but tls_cert is not: give both, or tls_cert alone")
        self._check_traces()

    def _check_traces(self) -> None:
        if not traces_url(self.traces_endpoint):
            return
        if self.traces_token is not None and not self.traces_token.get_secret_value().strip():
            raise ValueError("traces_token is empty: give one, or leave it out")

    @property
    def _has_token(self) -> bool:
        return self.token is not None and bool(self.token.get_secret_value().strip())


def door(text: str, name: str) -> Door | None:
    """What ``9105``, ``127.0.0.1:9105`` or ``[::1]:9105`` stands for, ``None`` for nothing.

    Raises ``ValueError`` that speaks of the setting ``name``.
    """
    words = text.strip()
    if not words:
        return None
    host, _, port = words.rpartition(":")
    host = host.strip("[]") if host.startswith("[") and host.endswith("]") else host
    host = {"": LOOPBACK, "localhost": LOOPBACK}.get(host, host)
    try:
        address = ipaddress.ip_address(host)
        if not (port.isascii() and port.isdecimal() and 1 <= int(port) <= _MOST):
            raise ValueError(port)
        if address.version == 6 and not words.startswith("["):
            raise ValueError(host)
    except ValueError as error:
        example = f"9105, {LOOPBACK}:9105 or [::1]:9105"
        raise ValueError(f"{name} {shown(text)} is no place to listen: {example}") from error
    return Door(str(address), int(port))
