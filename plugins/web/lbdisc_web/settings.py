"""``[web]``: where the page is, and who may see it."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from lbdisc.errors import shown
from lbdisc.fields import described

DEFAULT_PORT = 8405
LOOPBACK = "127.0.0.1"
SHORTEST = 16  # characters of a token


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """The table ``[web]``. Raises ``ValueError``."""

    bind: str = described(
        "where the page is: PORT on loopback, ADDRESS:PORT elsewhere (needs token); off if unset",
        "",
    )
    token: SecretStr | None = described(
        "what allows the page's actions, and beyond loopback to see it at all; 16 characters"
        " or more",
        None,
    )
    tls_cert: Path | None = described("the page's certificate, with its chain (PEM)", None)
    tls_key: Path | None = described("the key of tls_cert (PEM)", None)
    names: tuple[str, ...] = described(
        "host names by which the page is asked for, beside localhost and IP addresses", ()
    )
    services: tuple[str, ...] = described("the services that must have endpoints", ("{services}",))

    def __post_init__(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            one, other = ("tls_key", "tls_cert") if self.tls_cert else ("tls_cert", "tls_key")
            raise ValueError(f"{other} is set but {one} is not: give both or none")
        if (given := self.secret) and (len(given) < SHORTEST or not given.isascii()):
            raise ValueError(f"token: {SHORTEST} ASCII characters or more")
        if self.bind:
            address, _ = self.place
            if not ipaddress.ip_address(address).is_loopback and not given:
                raise ValueError(
                    f"bind {shown(self.bind)} is reached by others: set token or token_file,"
                    " or bind to loopback"
                )

    @property
    def secret(self) -> str:
        """The token, ``""`` where none is set."""
        return self.token.get_secret_value() if self.token else ""

    @property
    def place(self) -> tuple[str, int]:
        """The address and the port of ``bind``. Raises ``ValueError``."""
        host, colon, port = self.bind.rpartition(":")
        try:
            address = ipaddress.ip_address(host.strip("[]") if colon and host else LOOPBACK)
            number = int(port)
        except ValueError:
            raise ValueError(_bad(self.bind)) from None
        if not port.isascii() or not 0 < number < 65536:
            raise ValueError(_bad(self.bind))
        return str(address), number

    @property
    def open(self) -> bool:
        """Whether the page may be seen without the token: from this machine alone."""
        return ipaddress.ip_address(self.place[0]).is_loopback

    @property
    def url(self) -> str:
        """Where this machine finds the page."""
        address, port = self.place
        if ipaddress.ip_address(address).is_unspecified:
            address = "::1" if ":" in address else LOOPBACK
        host = f"[{address}]" if ":" in address else address
        return f"{'https' if self.tls_cert else 'http'}://{host}:{port}"


def _bad(bind: str) -> str:
    return f"bad bind {shown(bind)}: PORT or ADDRESS:PORT, as {DEFAULT_PORT} or 10.0.0.5:8405"
