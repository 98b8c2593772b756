"""What a way needs, asked of what runs: open ports, and servers that may die."""

import socket
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from lbdisc.errors import LbdiscError
from lbdisc.testing.waiting import eventually
from lbdisc_compare.contenders.contender import Deployment
from lbdisc_compare.hosts.host import Host
from lbdisc_compare.hosts.listening import open_ports
from lbdisc_compare.hosts.namespaces import NamespaceHosts
from lbdisc_compare.measures import needs
from lbdisc_compare.measures.needs import arrives, losses
from support.networks import inside

OPENS = """import socket, sys, time
address = sys.argv[1]
held = [socket.create_server(place) for place in ((address, 4000), ('127.0.0.1', 4001), ('', 4002))]
for place in ((address, 5000), (address, 0)):
    held.append(socket.socket(type=socket.SOCK_DGRAM))
    held[-1].bind(place)
time.sleep(600)
"""


def opened(hosts: NamespaceHosts) -> Any:
    host = hosts.host("a")
    with host.process(
        sys.executable, "-c", OPENS, host.address, log=hosts.folder / "log"
    ) as process:
        eventually(lambda: len(open_ports(process.pid)) == 3, what="all ports are open")
        return [str(port) for port in open_ports(process.pid)]


def test_ports_that_others_reach_are_found(tmp_path: Path) -> None:
    assert inside(opened, tmp_path) == ["4000/tcp", "4002/tcp", "5000/udp"]


def test_a_port_on_every_address_of_ipv6_is_one_that_others_reach() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        number = server.getsockname()[1]
        assert f"{number}/tcp" in map(str, open_ports("self"))


class Voters:
    """A registry whose writes need a majority; its balancer has what was written."""

    def __init__(self, count: int) -> None:
        self.registry = [Voter(f"server{number}") for number in range(count)]
        self.seats = [self]
        self.known: dict[str, str] = {}

    def leader(self) -> "Voter | None":
        return next((one for one in reversed(self.registry) if one.alive), None)

    def join(self, name: str) -> None:
        if sum(one.alive for one in self.registry) <= len(self.registry) // 2:
            raise LbdiscError("no majority")
        self.known[name] = "up"

    def servers(self) -> dict[str, str]:
        return self.known


class Voter:
    def __init__(self, name: str) -> None:
        self.name, self.alive = name, True
        self.host = Host(name=name, address="127.0.0.1")

    def kill(self) -> None:
        self.alive = False


@pytest.mark.parametrize(("servers", "may_die"), [(1, 0), (3, 1), (5, 2)])
def test_servers_are_killed_until_a_write_does_not_come_through(
    servers: int, may_die: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needs, "WRITE", 1.0)
    assert losses(cast(Deployment, Voters(servers))) == may_die


def test_a_write_that_comes_through_late_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    voters = Voters(1)
    answers = iter([LbdiscError("an election"), LbdiscError("an election")])
    real = voters.join

    def join(name: str) -> None:
        if (error := next(answers, None)) is not None:
            raise error
        real(name)

    monkeypatch.setattr(voters, "join", join)
    monkeypatch.setattr(needs, "AGAIN", 0.01)
    assert arrives(cast(Deployment, voters), "late")
