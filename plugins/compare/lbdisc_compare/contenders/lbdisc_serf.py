"""lbdisc on Serf: no servers, an agent beside each balancer and each node."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

from lbdisc.errors import LbdiscError
from lbdisc.testing.waiting import eventually
from lbdisc_compare.contenders.contender import Missing, Part, Unable
from lbdisc_compare.contenders.lbdisc_backing import Backing, NodeEntry
from lbdisc_compare.contenders.lbdisc_programs import (
    debian_version,
    haproxy_missing,
    lbdisc_versions,
    missing,
    version_of,
)
from lbdisc_compare.contenders.lbdisc_settings import SERVICE, WRITTEN_DOWN, Settings
from lbdisc_compare.contenders.lbdisc_way import LbdiscWay
from lbdisc_compare.contenders.serf_promises import MOST_AGENTS, promises
from lbdisc_compare.hosts.host import Host, HostSet
from lbdisc_compare.simulation.profiles import PROFILES
from lbdisc_lab.servers.serf import RPC_PORT, SerfAgent
from lbdisc_serf.rpc import SerfClient
from lbdisc_serf.settings import GOSSIP_PORT
from lbdisc_serf.wire import RpcError

TAG = f"lbdisc.{SERVICE}"


class GossipBacking(ExitStack):
    """Members only. Those of nodes that a client joins are started beside the nodes' apps."""

    gossips = True  # balancers and nodes are the members

    def __init__(self, hosts: HostSet, profile: str) -> None:
        super().__init__()
        self._folder: Path = hosts.folder / "registry"
        self._folder.mkdir()
        self._profile = profile
        self._seeds: list[str] = []
        self._clients: dict[str, SerfClient] = {}
        self.parts: Sequence[Part] = ()

    def leader(self) -> Part | None:
        return None

    def _member(self, host: Host) -> dict[str, object]:
        return {
            "backend": "serf",
            "serf.agent": "managed",
            "serf.node": host.name,
            "serf.rpc": f"{host.address}:{RPC_PORT}",
            "serf.bind": f"{host.address}:{GOSSIP_PORT}",
            "serf.join": list(self._seeds),
            "serf.profile": self._profile,
        }

    def agent_settings(self, host: Host) -> Settings:
        """A balancer joins those that are known, and itself: alone it waits for nobody."""
        self._seeds.append(host.address)
        return {**self._member(host), "serf.tags": {"role": "balancer"}}

    def node_settings(self, name: str, host: Host) -> Settings:
        return self._member(host)

    def welcome(self, nodes: Mapping[str, Host]) -> None:
        new = {name: host for name, host in nodes.items() if name not in self._clients}
        if len(self._clients) + len(new) > MOST_AGENTS:
            raise Unable(f"each node has a Serf agent; {MOST_AGENTS} are the most on one machine")
        for name, host in new.items():
            agent = SerfAgent(self._folder, self._plain(name, host), host)
            self.callback(agent.kill)
            agent.start()
            self._clients[name] = self.enter_context(agent.client())
            if not self._seeds:  # there is no balancer yet
                self._seeds.append(host.address)
        for name in new:
            eventually(partial(self._met, name), what=f"the member {name} to meet others")

    def _plain(self, name: str, host: Host) -> dict[str, object]:
        return {
            "node_name": name,
            "bind": host.address,
            "rpc_addr": f"{host.address}:{RPC_PORT}",
            "profile": self._profile,
            "start_join": self._seeds[:1],
        }

    def _met(self, name: str) -> bool:
        addresses = {member.address for member in self._clients[name].members()}
        return self._seeds[0] in addresses

    def put(self, entry: NodeEntry) -> None:
        draining = ";state=draining" if entry.state == "draining" else ""
        weight = f";weight={entry.weight}" if entry.weight != 100 else ""
        self._tag(entry.name, {TAG: f"{entry.port}{weight}{draining}"})

    def put_all(self, entries: Sequence[NodeEntry]) -> None:
        self.welcome({entry.name: entry.host for entry in entries})
        for entry in entries:
            self.put(entry)

    def remove(self, name: str) -> None:
        self._tag(name, {}, deleting=[TAG])

    def _tag(self, name: str, tags: Mapping[str, str], deleting: Sequence[str] = ()) -> None:
        try:
            self._clients[name].tags(dict(tags), deleting=list(deleting))
        except KeyError:
            raise LbdiscError(f"{name} has no Serf agent: serve it first") from None
        except RpcError as error:
            raise LbdiscError(f"the Serf agent of {name} takes no tags: {error}") from error


def opening(profile: str) -> Callable[[HostSet], AbstractContextManager[Backing]]:
    @contextmanager
    def opened(hosts: HostSet) -> Iterator[Backing]:
        with GossipBacking(hosts, profile) as backing:
            yield backing

    return opened


def _missing() -> Sequence[Missing]:
    return (*haproxy_missing(), *missing("serf", "serf"), *missing("setpriv", "util-linux"))


def _versions() -> dict[str, str]:
    # Debian's program says 0.8.2-dev of itself, whichever it was built from.
    return {
        **lbdisc_versions(),
        "serf": debian_version("serf") or version_of("serf", "version"),
    }


def _way(profile: str) -> LbdiscWay:
    return LbdiscWay(
        name=f"serf-{profile}",
        title=f"lbdisc, Serf ({profile})",
        open=opening(profile),
        promises=promises(PROFILES[profile]),
        settings={
            **WRITTEN_DOWN,
            "serf.agent": "managed: balancers and registrars start their Serf agents",
            "serf.profile": profile,
        },
        lacks=_missing,
        runs=_versions,
    )


SERF_LOCAL, SERF_LAN, SERF_WAN = map(_way, ("local", "lan", "wan"))
