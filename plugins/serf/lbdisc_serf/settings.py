"""``[serf]``: how the agent is reached, what its members mean, and how it is run if it is ours."""

import base64
import binascii
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from lbdisc.addresses import check_address
from lbdisc.errors import EntryError, SettingsError, shown
from lbdisc.fields import Seconds, SecondsOrNone, described
from lbdisc.secret_files import current
from lbdisc.values import check_name

GOSSIP_PORT = 7946  # Serf's own default
Port = Annotated[int, Field(ge=1, le=65535)]
Address = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SerfSettings:
    """``[serf]``: membership by gossip."""

    rpc: str = described("HOST:PORT of the local agent's RPC", "127.0.0.1:7373")
    rpc_key: SecretStr | None = described("the agent's rpc_auth", None)
    timeout: Seconds = described("an agent that takes longer to answer is not there", 3.0)
    service: str = described("the service of members that have only the role", "nodes")
    role: str = described("members with the tag role=ROLE are nodes; empty: none is", "backend")
    port: Port = described("the port of members that have only the role", 3000)
    poll: Seconds = described("how often all members are read, besides at each event", 2.0)
    rejoin_window: SecondsOrNone = described(
        "how long members that a restarted agent does not meet again stay listed", 30.0
    )
    agent: Literal["external", "managed"] = described(
        "managed: start, supervise and stop the Serf agent", "external"
    )
    node: str = described(
        "managed: its node name; the endpoint's, or beside an agent the host's, if unset", ""
    )
    bind: str = described("managed: HOST:PORT to gossip on", f"0.0.0.0:{GOSSIP_PORT}")
    advertise: str = described(
        "managed: the address told to others; the endpoint's if bind has no address", ""
    )
    join: tuple[str, ...] = described("managed: members to join, HOST or HOST:PORT", ())
    join_interval: Seconds = described("managed: time between two tries to join", 2.0)
    encrypt: SecretStr | None = described(
        "managed: the gossip key, from `serf keygen`; more after it are only understood", None
    )
    profile: Literal["lan", "local", "wan"] = described("managed: Serf's timing profile", "lan")
    tags: dict[str, str] = field(
        default_factory=dict, metadata={"help": "managed: more tags of the member"}
    )
    folder: Path = described(
        "managed: where its configuration, keyring and snapshot are", Path("{state_dir}/serf")
    )
    binary: str = described("managed: the program", "serf")
    leave_timeout: Seconds = described("managed: the longest wait for a clean leave", 5.0)

    @property
    def key(self) -> str:
        """The RPC key, empty without one."""
        return self.rpc_key.get_secret_value() if self.rpc_key else ""

    def gossip_keys(self) -> tuple[str, ...]:
        """The gossip keys as their file says now, the one to speak with first; none: no secrecy.

        Raises ``SettingsError`` if one is no key.
        """
        keys = tuple(current(self.encrypt).split()) if self.encrypt else ()
        check_keys(keys)
        return keys

    @property
    def managed(self) -> bool:
        return self.agent == "managed"


def check(settings: SerfSettings) -> SerfSettings:
    """``settings`` if they make sense; raises ``SettingsError`` that names the wrong one."""
    split(settings.rpc, "serf.rpc")
    bind, _ = split(settings.bind, "serf.bind", port=GOSSIP_PORT)
    _check_ip(bind, "serf.bind")
    if settings.advertise:
        _check_ip(settings.advertise, "serf.advertise")
    for member in settings.join:
        split(member, "serf.join", port=GOSSIP_PORT)
    for name, setting in ((settings.service, "serf.service"), (settings.node, "serf.node")):
        if name or setting == "serf.service":
            _check_name(name, setting)
    settings.gossip_keys()
    return settings


def split(text: str, setting: str, *, port: int | None = None) -> Address:
    """Host and port of ``HOST:PORT`` or ``[IPv6]:PORT``; ``port`` where there is none."""
    host, colon, digits = text.rpartition(":")
    if port is not None and (not colon or (":" in host and not text.startswith("["))):
        host, digits = text, str(port)
    if port is not None and text.startswith("[") and text.endswith("]"):
        host, digits = text, str(port)
    host = host.removeprefix("[").removesuffix("]")
    if (
        host
        and digits.isascii()
        and digits.isdigit()
        and len(digits) <= 5
        and 0 < int(digits) < 65536
    ):
        if host in ("0.0.0.0", "::"):
            return host, int(digits)
        try:
            return check_address(host), int(digits)
        except EntryError as error:
            raise SettingsError(f"{setting}: {error}") from error
    raise SettingsError(f"{setting} is {shown(text)}: HOST:PORT is needed")


def joined(address: Address) -> str:
    """``HOST:PORT``, an IPv6 address in brackets."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _check_ip(text: str, setting: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError as error:
        raise SettingsError(f"{setting} is {shown(text)}: an IP address is needed") from error


def _check_name(name: str, setting: str) -> None:
    try:
        check_name(name)
    except EntryError as error:
        raise SettingsError(f"{setting}: {error}") from error


def check_keys(keys: Iterable[str]) -> None:
    """Raise ``SettingsError`` unless all ``keys`` can be gossip keys."""
    for key in keys:
        try:
            size = len(base64.b64decode(key, validate=True))
        except (binascii.Error, ValueError):
            size = 0
        if size not in (16, 24, 32):
            raise SettingsError(
                "serf.encrypt is no gossip key: 16, 24 or 32 bytes in base64, as `serf keygen` "
                "makes it"
            )
