"""What is compared, as the measurements see it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from lbdisc.errors import LbdiscError
from lbdisc_compare.hosts.host import Host, HostSet

ServerState = Literal["up", "down", "draining"]


class Unable(LbdiscError):
    """This way cannot do that at all; the text says why, for the report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A program that is not on this machine. ``package`` is Debian's or PyPI's; empty: nobody's."""

    program: str
    package: str = ""
    source: Literal["debian", "pypi", ""] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """What a way needs and promises, in words for the report.

    ``crash_bound`` gives the seconds until a crashed node is out of the list, by the formula that
    ``crash_formula`` states and ``crash_source`` (a manual's section, a paper) supports; ``None``
    where nothing is promised.
    """

    servers: str
    ports: str
    quorum: str
    clock: str
    words: str
    shows_in: str  # the measure in which the promise is seen to hold or to break
    crash_bound: float | None = None
    crash_formula: str = ""
    crash_source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is deployed: balancers side by side, each with its own agent.

    With no ``balancers`` there are only the registry and its nodes; ``add_seat`` adds some later.
    """

    balancers: int = 1
    checks: bool = True  # the balancers check the nodes' health themselves
    guard: bool = True  # of lbdisc: whether it holds back what looks like a fault


class Part(Protocol):
    """A process or several, with the faults that happen to hosts."""

    @property
    def name(self) -> str: ...

    @property
    def host(self) -> Host: ...

    @property
    def pids(self) -> Sequence[int]:
        """All of its processes that run: for CPU, memory and disk."""

    def kill(self) -> None:
        """kill -9 all of them."""

    def pause(self) -> None:
        """SIGSTOP: they are there, but do nothing."""

    def resume(self) -> None:
        """SIGCONT."""

    def start(self) -> None:
        """Start again after ``kill``, with the data that was there; returns once it is ready.

        A server that cannot be ready before others run returns once it runs.
        """


class Seat(Part, Protocol):
    """A load balancer with what keeps it in step."""

    @property
    def port(self) -> int:
        """Where it serves on its host, by HTTP/1.1."""

    def servers(self) -> Mapping[str, ServerState]:
        """What it would send requests to now, by node name, as the balancer itself says."""

    def stages(self, name: str) -> Mapping[str, float]:
        """When the newest change of the node came to which stage: ``snapshot``, ``applied``.

        Seconds of the monotonic clock; what is not known is left out.
        """


@runtime_checkable
class Steered(Protocol):
    """A seat whose balancer is kept in step by programs apart from it."""

    @property
    def steering(self) -> Sequence[Part]:
        """Those programs: the agent, its Serf agent, confd. The balancer itself is not of them."""


@runtime_checkable
class Guarded(Protocol):
    """A seat whose agent holds back what looks like a fault."""

    def held(self) -> Sequence[str]:
        """The names of the nodes that are held now although the registry does not list them."""


@runtime_checkable
class Gossiping(Protocol):
    """A deployment whose balancers and nodes may themselves be the members of the registry."""

    @property
    def gossips(self) -> bool:
        """Whether they are."""


class LiveNode(Part, Protocol):
    """A node as its host has it: a web app, and what registers it. ``kill`` takes both."""

    def leave(self) -> None:
        """Take it out cleanly, then end; returns when both have ended."""

    @property
    def registrar(self) -> Part | None:
        """What registers it, by itself; ``None`` where nothing runs for that."""


class Deployment(Protocol):
    """One way, deployed. Nodes are known by name; the same name is always at the same place."""

    @property
    def seats(self) -> Sequence[Seat]: ...

    @property
    def registry(self) -> Sequence[Part]:
        """The servers of the registry; empty where it has none."""

    def leader(self) -> Part | None:
        """The one of ``registry`` that the others follow; ``None`` where there is no such thing."""

    def place(self, name: str) -> tuple[str, int]:
        """Address and port of the node."""

    def serve(self, *names: str) -> None:
        """Their web apps answer from now on; every answer says ``x-node: NAME``."""

    def join(self, name: str, *, weight: int = 100) -> None:
        """A client writes the node to the registry; returns once that was told."""

    def join_all(self, names: Sequence[str]) -> None:
        """Many at once, as quickly as a client can. Raises ``Unable``."""

    def weigh(self, name: str, weight: int) -> None:
        """The same client changes its weight (0 to 256). Raises ``Unable``."""

    def leave(self, name: str) -> None:
        """The same client takes the node out cleanly, as this way's own programs would."""

    def register(self, name: str) -> LiveNode:
        """Start the node as its host would have it: web app, and registrar.

        Returns once the registrar says that it is registered, where it says so, else once both run.

        Its farewell and its crash are the node's own from then on. Raises ``Unable``.
        """

    def register_all(self, names: Sequence[str]) -> Sequence[LiveNode]:
        """The same for many, side by side. Returns once all are registered. Raises ``Unable``."""

    def add_seat(self) -> Seat:
        """One more balancer, ready to be started: its ``start`` does that, for the first time.

        It is in ``seats`` from now on.
        """


class Contender(Protocol):
    """One way of auto-discovery."""

    @property
    def name(self) -> str:
        """In ``--ways`` and in the samples."""

    @property
    def title(self) -> str:
        """For people."""

    @property
    def family(self) -> Literal["lbdisc", "outsider"]: ...

    @property
    def promises(self) -> Promises: ...

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings that matter, as they are written down in the report."""

    def missing(self) -> Sequence[Missing]:
        """What this machine lacks for it."""

    def versions(self) -> Mapping[str, str]:
        """The programs that run, with their versions."""

    def deploy(self, hosts: HostSet, size: Size) -> AbstractContextManager[Deployment]:
        """Start it with no nodes; all of it has ended when the context has.

        A failure raises ``LbdiscError``, ``RuntimeError``, ``AssertionError`` or ``OSError``.
        """
