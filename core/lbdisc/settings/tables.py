"""The agent's own settings: plain frozen dataclasses, one for each table of ``lbdisc.toml``.

Durations are seconds. How they are found, merged and explained is in ``loading``.
"""

import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from lbdisc.environment import Passed
from lbdisc.fields import NotEmpty, Seconds, SecondsOrNone, described

AtLeastOne = Annotated[int, Field(ge=1)]


def default_state_dir() -> Path:
    """``/var/lib/lbdisc`` for root, the user's state folder (XDG base directories) otherwise."""
    if os.geteuid() == 0:
        return Path("/var/lib/lbdisc")
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "lbdisc"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """``[agent]``: the pace of ``lbdisc run``, and how it makes itself known."""

    quiet: SecondsOrNone = described("a change that needs a reload waits for this much quiet", 0.2)
    max_wait: SecondsOrNone = described("the longest that a stream of changes may wait", 2.0)
    min_reload_interval: SecondsOrNone = described("the least time between two reloads", 1.0)
    max_reload_interval: SecondsOrNone = described(
        "after some reloads in a row the time to the next one doubles, up to this; changes at run"
        " time do not wait for it",
        30.0,
    )
    verify_every: Seconds = described("how often what runs is compared as a whole", 30.0)
    retry_first: Seconds = described("the first back-off after a failure", 0.2)
    retry_most: Seconds = described("the longest back-off", 1.5)
    announce: bool = described(
        "whether it is in the registry, so that nodes that stop wait until it has drained them",
        True,
    )
    name: NotEmpty = field(
        default_factory=socket.gethostname,
        metadata={"help": "its name there; the host's name if unset"},
    )
    control_group: str = described(
        "the group whose members may give it orders, by control.sock in state_dir; nobody but its"
        " own user and root if unset",
        "",
    )
    fleet_orders: bool = described(
        "whether it takes orders to all agents of the registry, and may give them (`--fleet`):"
        " whoever may write an agent's entry there steers this load balancer then",
        False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """``[guard]``: what a sudden mass loss does."""

    max_loss: Annotated[float, Field(ge=0, le=1)] = described(
        "the share of what a service had that may be missing without having drained or left", 0.5
    )
    loss_window: Seconds = described("what a service had is the most within this time", 10.0)
    loss_hold: SecondsOrNone = described(
        "when held endpoints that are not needed may go by the clock; 0 holds nothing", 60.0
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterSettings:
    """``[register]``: the endpoint that ``lbdisc register`` makes known."""

    service: NotEmpty = described("the service the endpoint belongs to", "nodes")
    name: NotEmpty = field(
        default_factory=socket.gethostname, metadata={"help": "its name; the host's name if unset"}
    )
    address: str = described(
        "its address or host name, or the network (10.0.1.0/24) or interface (eth1) that has it;"
        " that of the way to the default route if unset",
        "",
    )
    port: Annotated[int, Field(ge=1, le=65535)] = described("its port", 3000)
    weight: Annotated[int, Field(ge=0, le=256)] = described("its weight", 100)
    tags: dict[str, str] = field(default_factory=dict, metadata={"help": "its tags"})
    check: str = described(
        "none, tcp, tcp://HOST:PORT, http(s)://…, a path beginning with / or a command", "tcp"
    )
    interval: Seconds = described("time between two checks", 1.0)
    timeout: Seconds = described("a check that takes longer has failed", 2.0)
    rise: Annotated[int, Field(ge=1)] = described("checks in a row that must pass", 1)
    fall: Annotated[int, Field(ge=1)] = described("checks in a row that must fail", 3)
    pass_environment: Passed = described(
        "the variables `LBDISC_…` that COMMAND and a check command get, as `LBDISC_REGISTER_*`;"
        " none if unset, as there are secrets among them",
        (),
    )
    stop_timeout: SecondsOrNone = described("how long COMMAND may take to stop", 10.0)
    drain_timeout: SecondsOrNone = described("the longest wait for the agents to drain", 30.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """``[log]``: what is told on standard error."""

    level: Literal["debug", "info", "warning", "error"] = described("the least to tell", "info")
    format: Literal["auto", "text", "json"] = described("auto: text on a terminal", "auto")


Hosts = Literal["refuse", "allow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEndpoints:
    """``[endpoints.services.NAME]``: what differs for one service."""

    allow: tuple[str, ...] | None = described("instead of what all services have", None)
    deny: tuple[str, ...] = described("besides what nobody may have", ())
    hosts: Hosts | None = described("instead of what all services have", None)
    ports: tuple[str, ...] | None = described("instead of what all services have", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointsSettings:
    """``[endpoints]``: where the registry's endpoints may be.

    At an address that lies in a network of ``allow`` and in none of ``deny``. Loopback, link-local,
    metadata and reserved addresses need a network of their own kind in ``allow``, as 127.0.0.0/8.
    """

    allow: tuple[str, ...] = described(
        "networks that endpoints may be in; loopback, link-local, metadata and reserved ones only"
        " where they are named, as 127.0.0.0/8",
        ("0.0.0.0/0", "::/0"),
    )
    deny: tuple[str, ...] = described("networks that no endpoint may be in", ())
    hosts: Hosts = described(
        "whether endpoints may have host names, which are allowed by what they resolve to", "allow"
    )
    ports: tuple[str, ...] = described(
        "ports that endpoints may have, as 3000 or 8000-8099", ("1-65535",)
    )
    services: dict[str, ServiceEndpoints] = field(
        default_factory=dict, metadata={"help": "what differs for a service, by its name"}
    )
    per_service: AtLeastOne = described("the most endpoints that a service has", 10_000)
    total: AtLeastOne = described(
        "the most endpoints of all services that are balanced, and the same of all others together",
        20_000,
    )
    max_services: AtLeastOne = described(
        "the most services that are looked at beside those that are balanced", 1000
    )
    flap_wait: SecondsOrNone = described(
        "the longest that a change of an endpoint waits that never stops changing; 0 for not at"
        " all",
        60.0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreSettings:
    """The keys at the top of ``lbdisc.toml``, and the core's own tables."""

    backend: NotEmpty = described("the registry: file, or the name of a plugin", "file")
    renderer: NotEmpty = described("what makes the configuration's text", "jinja2")
    reloader: NotEmpty = described("what brings it to life", "haproxy")
    listeners_off: tuple[str, ...] = described(
        "installed listeners that shall not hear what happens", ()
    )
    services: tuple[str, ...] = described(
        "the services to balance; the first is the default", ("nodes",)
    )
    output: Path = described(
        "the configuration file that lbdisc writes", Path("{state_dir}/haproxy.cfg")
    )
    state_dir: Path = field(
        default_factory=default_state_dir,
        metadata={"help": "where the agent keeps its state; one agent has one"},
    )
    trusted: tuple[str, ...] = described(
        "folders whose files may belong to others, as in a container; * for all. For the settings"
        " file itself: only by the environment or a flag",
        (),
    )
    agent: AgentSettings = field(default_factory=AgentSettings)
    endpoints: EndpointsSettings = field(default_factory=EndpointsSettings)
    guard: GuardSettings = field(default_factory=GuardSettings)
    register: RegisterSettings = field(default_factory=RegisterSettings)
    log: LogSettings = field(default_factory=LogSettings)
