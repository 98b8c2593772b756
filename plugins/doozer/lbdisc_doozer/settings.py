"""``[doozer]``: where the servers are, how to be let in, and what the records look like."""

import re
import socket
from dataclasses import dataclass
from random import Random
from typing import Annotated, Self

from pydantic import Field, SecretStr

from lbdisc.addresses import check_address
from lbdisc.errors import EntryError, shown
from lbdisc.fields import Seconds, described
from lbdisc.formats import Format

DEFAULT_PORT = 8046  # doozerd(1), -l
# What may stand in a path, by doc/data-model.md of doozerd.
_PATH = re.compile(r"(/[A-Za-z0-9.-]+)+")
_SERVER = re.compile(r"(?:\[(?P<six>[^\[\]]*)\]|(?P<host>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class DoozerSettings:
    """The table ``[doozer]``, for discovery and registrar alike. Raises ``ValueError``."""

    servers: tuple[str, ...] = described(
        "servers to ask, HOST:PORT", (f"127.0.0.1:{DEFAULT_PORT}",)
    )
    shuffle: bool = described(
        "ask them in an order of this host's own; if false, in the order given", True
    )
    prefix: str = described("records are at PREFIX/SERVICE/NAME", "/lbdisc")
    format: Format = described("what records look like; a registrar writes lbdisc only", "lbdisc")
    port: Annotated[int, Field(ge=1, le=65535)] | None = described(
        "the port of records that have none", None
    )
    ttl: Annotated[float, Field(ge=3, le=3600)] = described(
        "seconds after which readers leave out a registration without a heartbeat", 10.0
    )
    secret: SecretStr | None = described(
        "the servers' DOOZER_RWSECRET, or to read alone DOOZER_ROSECRET", None
    )
    request_timeout: Seconds = described("a request without an answer has failed after", 3.0)

    def __post_init__(self) -> None:
        # ValueError is what pydantic turns into "bad setting doozer: …".
        object.__setattr__(self, "prefix", _checked_prefix(self.prefix))
        if not self.places:
            raise ValueError("servers is empty: give at least one HOST:PORT")

    @property
    def places(self) -> tuple["ServerPlace", ...]:
        """The servers, parsed, without repeats."""
        return tuple(dict.fromkeys(ServerPlace.parse(text) for text in self.servers))

    def places_for(self, name: str) -> tuple["ServerPlace", ...]:
        """The servers in the order in which ``name`` on this host asks them, always the same."""
        places = [*self.places]
        if self.shuffle:
            Random(f"{socket.gethostname()}/{name}").shuffle(places)
        return tuple(places)


@dataclass(frozen=True, slots=True)
class ServerPlace:
    """Where a server is: ``host`` is an IP address or a host name."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From ``HOST`` or ``HOST:PORT``. Raises ``ValueError``."""
        if text.startswith("doozer:"):
            raise ValueError(
                "servers: a doozer URI: give what follows each ca= as HOST:PORT, sk= as secret"
            )
        match = _SERVER.fullmatch(text)
        port = int(match["port"] or DEFAULT_PORT) if match else 0
        if match is None or not 0 < port < 65536:
            raise ValueError(f"servers: {shown(text)}: want HOST:PORT, no more")
        try:
            return cls(check_address(match["six"] or match["host"]), port)
        except EntryError as error:
            raise ValueError(f"servers: {shown(text)}: {error}") from error

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _checked_prefix(prefix: str) -> str:
    trimmed = prefix.rstrip("/")
    if not _PATH.fullmatch(trimmed):
        raise ValueError(
            f"prefix {shown(prefix)}: want a path such as /lbdisc, of letters, digits, . and -"
        )
    if f"{trimmed}/".startswith("/ctl/"):
        raise ValueError(f"prefix {shown(prefix)}: /ctl is doozer's own")
    return trimmed
