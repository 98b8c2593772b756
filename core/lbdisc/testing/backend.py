"""What the contract suite asks of a registry under test: to be reached, filled and hurt."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar, Literal, get_args

from lbdisc import records
from lbdisc.hooks import Discovery, Registrar
from lbdisc.testing.entries import HOSTILE_NAMES, HOSTILE_RECORDS
from lbdisc.testing.offers import make_discovery, make_registrar
from lbdisc.testing.registrar_process import RegistrarProcess
from lbdisc.testing.subject import Subject
from lbdisc.values import Endpoint

Ability = Literal[
    "addresses",
    "ipv6",
    "names",
    "services",
    "weights",
    "states",
    "tags",
    "write_raw",
    "bad_names",
    "many",
    "churn",
    "register",
    "expire",
    "clean_leave",
    "same_name",
    "at_once",
    "own_services",
    "leases",
    "cut",
    "stall",
    "restart",
    "restart_all",
    "kill_leader",
    "wipe",
    "compact",
    "start_unreachable",
]
ABILITIES: tuple[str, ...] = get_args(Ability)
NEIGHBOURS = ("web2", "web-2", "web.2", "we")  # of ``web``
OWN_SERVICE = "_agents"
SERVICES: tuple[str, ...] = ("nodes", "web", "api", *NEIGHBOURS, OWN_SERVICE)
"""The services that the promises write; where services are configured, configure these.

Without the ability ``services`` only ``nodes``, without ``own_services`` none that begins with _.
"""


class Backend(Subject[Ability]):
    """One empty registry, seen from outside. Made by the fixture ``backend``, one for each test.

    Use it as a context manager: at the end it heals what was hurt and closes.

    Only ``settings``, ``write`` and ``remove`` are required. What else a registry cannot do is
    named in ``cannot`` with the reason; the promises that need it are then skipped with that
    reason, and shown so in the report. Abilities that are settled by ``cannot`` alone:

    ``addresses``: an endpoint may have any address, ``ipv6``: one of IPv6, ``names``: a host name.
    ``services``: more than one service, see ``SERVICES``. ``weights``, ``states`` and
    ``tags``: the registry holds them. ``bad_names``: ``write_raw`` can write names that break the
    rules. ``many``: ``size`` endpoints. ``churn``: ``changes`` changes within one test.
    ``register``: there is a registrar. ``expire``: a dead registrar's endpoint goes.
    ``clean_leave``: the leaving endpoint can be seen draining. ``same_name``: two registrars may
    try one name. ``at_once``: what is put is read by whoever begins to watch after it.
    ``own_services``: a service of lbdisc's own needs no discovery beside it.
    ``leases``: what a registered entry lives by has a name, and is published with it.
    ``start_unreachable``: an unreachable registry can be told from wrong settings.
    """

    name: ClassVar[str]
    """What ``backend`` in the settings says: the name of the provider."""
    plugin: ClassVar[str] = ""
    """The module with the hooks, where it is not found through an entry point."""
    cannot: ClassVar[Mapping[Ability, str]] = {}
    detection: float = 10.0
    """Seconds within which a crash is seen: the lease's ``ttl`` and the system's own delay."""
    patience: float = 20.0
    """Seconds within which anything else is seen, and the way back after a fault."""
    size: int = 1000
    """How many endpoints the promise on many endpoints uses."""
    changes: int = 10_000
    """How many changes the promise on memory makes, if they fit into its time."""

    @abstractmethod
    def settings(self) -> dict[str, object]:
        """What the agent's settings say, by dotted keys such as ``etcd.endpoints``."""

    def node_settings(self, node: str) -> dict[str, object]:
        """What the registrar beside the endpoint named ``node`` needs; as the agent by default."""
        return self.settings()

    def endpoint(self, name: str, *, service: str = "nodes", port: int = 3000) -> Endpoint:
        """An endpoint as this registry can hold it; override where addresses are given."""
        return Endpoint(service=service, name=name, address="10.0.0.7", port=port)

    def discovery(self) -> Discovery:
        """A new discovery, made as the agent makes it."""
        return make_discovery(self.name, self.settings(), plugin=self.plugin)

    def registrar(self, node: str) -> Registrar:
        """A new registrar for the endpoint named ``node``, made as ``lbdisc register`` does."""
        return make_registrar(self.name, self.node_settings(node), plugin=self.plugin)

    def spawn(self, endpoint: Endpoint, folder: Path) -> RegistrarProcess:
        """A registrar for ``endpoint`` in a process of its own, to be killed or stopped.

        Override it where more than the process has to die for a host to be dead.
        """
        return RegistrarProcess(
            self.name,
            self.node_settings(endpoint.name),
            endpoint,
            log=folder / f"{endpoint.name}.log",
            plugin=self.plugin,
        )

    @abstractmethod
    def write(self, endpoint: Endpoint) -> None:
        """Put an endpoint into the registry that stays, or change it, without a registrar."""

    def write_all(self, endpoints: Iterable[Endpoint]) -> None:
        """``write`` each; override it where many at once are cheaper."""
        for endpoint in endpoints:
            self.write(endpoint)

    @abstractmethod
    def remove(self, endpoint: Endpoint) -> None:
        """Take out what ``write`` put in."""

    def write_raw(self, service: str, name: str, value: bytes) -> None:
        """Put any bytes where the entry ``name`` of ``service`` belongs."""
        self._cannot("write_raw")

    def hostile_records(self) -> Mapping[str, bytes]:
        """Values for ``write_raw`` that are no endpoint, each with a word for it."""
        return HOSTILE_RECORDS

    def hostile_names(self) -> tuple[str, ...]:
        """Names for ``write_raw`` that no endpoint may have, and the registry allows."""
        return HOSTILE_NAMES

    def valid_record(self, endpoint: Endpoint) -> bytes:
        """What ``write_raw`` would have to write for ``endpoint``."""
        return records.write(endpoint).encode()

    def cut(self) -> None:
        """Part the plugin from the registry until ``heal``; ``write`` and ``remove`` still work."""
        self._cannot("cut")

    def stall(self) -> None:
        """Keep the plugin's connections but let nothing pass, until ``heal``."""
        self._cannot("stall")

    def heal(self) -> None:
        """Undo every fault, returning when the registry answers. Also called at the end."""

    def restart(self) -> None:
        """kill -9 the server the plugin uses and start it again with its data."""
        self._cannot("restart")

    def restart_all(self) -> None:
        """kill -9 all servers, then start them again with their data."""
        self._cannot("restart_all")

    def kill_leader(self) -> None:
        """kill -9 the leading server and leave it down until ``heal``."""
        self._cannot("kill_leader")

    def wipe(self) -> None:
        """Lose all data, as a registry that was set up anew."""
        self._cannot("wipe")

    def compact(self) -> None:
        """Forget the history of changes, so that no watch can go on from where it was."""
        self._cannot("compact")
