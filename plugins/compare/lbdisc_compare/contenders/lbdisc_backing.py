"""What lbdisc's deployments need of a registry, whichever it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lbdisc_compare.contenders.contender import Part
from lbdisc_compare.contenders.lbdisc_settings import Settings
from lbdisc_compare.hosts.host import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEntry:
    """What a client writes of a node."""

    name: str
    host: Host
    port: int
    weight: int = 100
    state: str = "ready"

    @property
    def fields(self) -> dict[str, object]:
        """The record of lbdisc's own format."""
        where = {"address": self.host.address, "port": self.port}
        return {**where, "weight": self.weight, "state": self.state}


class Backing(Protocol):
    """The registry's servers, and a client that writes to them as fast as it can.

    ``put`` and ``remove`` return once the registry has it; both raise ``LbdiscError``.
    """

    @property
    def parts(self) -> Sequence[Part]: ...

    def leader(self) -> Part | None: ...

    def agent_settings(self, host: Host) -> Settings:
        """What the agent on ``host`` needs, ``backend`` among it."""

    def node_settings(self, name: str, host: Host) -> Settings:
        """What the registrar of the node ``name`` on ``host`` needs, ``backend`` among it."""

    def welcome(self, nodes: Mapping[str, Host]) -> None:
        """Start what a client needs beside the nodes' apps before it can write them.

        Returns once it has come; nothing happens where it was started before.
        """

    def put(self, entry: NodeEntry) -> None: ...

    def put_all(self, entries: Sequence[NodeEntry]) -> None:
        """Many, as quickly as the registry takes them. Raises ``Unable``."""

    def remove(self, name: str) -> None: ...
