"""What a way costs: packets by role, processes by program, and what joins add to it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from lbdisc.testing.waiting import eventually
from lbdisc_compare.contenders.contender import Contender, Size
from lbdisc_compare.hosts.counting import PacketTally
from lbdisc_compare.hosts.host import Host, HostSet
from lbdisc_compare.hosts.namespaces import NamespaceHosts
from lbdisc_compare.measures.accounts import Account, accounts, footprints, name_of
from lbdisc_compare.measures.books import Bill
from lbdisc_compare.measures.cost import Cost
from lbdisc_compare.measures.measure import Scale, Sitting
from lbdisc_compare.records import Noted, Sample
from support.echoing import PORT
from support.networks import echoes, heard, inside

WRITES = """import os, sys, time
while time.process_time() < 0.2:
    pass
with open(sys.argv[1], 'wb') as file:
    file.write(os.urandom(1_000_000))
    os.fsync(file.fileno())
sys.stdin.read()
"""
# A datagram to the address each 50 ms, as something that renews itself.
RENEWS = """import socket, sys, time
asking = socket.socket(type=socket.SOCK_DGRAM)
while True:
    asking.sendto(b'renew', (sys.argv[1], int(sys.argv[2])))
    time.sleep(0.05)
"""


@contextmanager
def running(*words: str | Path) -> Iterator[int]:
    """Its process id, once it runs the program."""
    with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        try:
            eventually(lambda: psutil.Process(child.pid).cmdline()[:1] == [words[0]])
            yield child.pid
        finally:
            child.kill()


def test_accounts_have_the_processor_and_the_disk(tmp_path: Path) -> None:
    kind = subprocess.run(["stat", "-f", "-c", "%T", tmp_path], stdout=-1, text=True, check=True)
    if kind.stdout.strip() == "tmpfs":
        pytest.skip("a file system in memory writes to no disk")
    with running(sys.executable, "-c", WRITES, tmp_path / "file") as pid:
        eventually(lambda: sum(one.written for one in accounts([pid]).values()) >= 1_000_000)
        assert accounts([pid])["python"].cpu > 0


def test_who_has_ended_costs_nothing() -> None:
    with subprocess.Popen(["true"]) as child:
        child.wait()
        assert accounts([child.pid]) == {}
        assert list(footprints([child.pid])) == []


def test_memory_of_its_own_is_the_smallest() -> None:
    (found,) = footprints([os.getpid()])
    assert 0 < found.uss <= found.pss <= found.rss


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["sleep", "60"], "sleep"),
        ([sys.executable, "-c", "import time; time.sleep(60)"], "python"),
        ([sys.executable, "-m", "http.server", "0", "--bind", "127.0.0.1"], "http.server"),
    ],
)
def test_a_program_is_known_by_what_it_runs(words: list[str], name: str) -> None:
    with running(*words) as pid:
        assert name_of(psutil.Process(pid)) == name


def test_a_bill_without_the_idle_one_takes_its_share_off() -> None:
    account = {("nodes", "lbdisc"): Account(cpu=3.0, written=50)}
    idle = Bill(seconds=10.0, packets={"nodes": 20}, bytes={"nodes": 200}, accounts=account)
    joins = Bill(seconds=5.0, packets={"nodes": 30}, bytes={"nodes": 300}, accounts=account)
    net = joins.without(idle)
    assert net.roles(net.packets) == {"all": 20, "nodes": 20}
    assert net.bytes == {"nodes": 200}
    assert net.accounts["nodes", "lbdisc"] == Account(cpu=1.5, written=25.0)


def tallied(hosts: NamespaceHosts) -> Any:
    with echoes(hosts, "a", "b", "c") as (a, b, c, router):
        tally = PacketTally(host.address for host in (a, b, c))
        heard(a, b)
        heard(router, c)
        return [tally.read()[host.address].packets for host in (a, b, c)]


def test_only_what_hosts_send_each_other_is_tallied(tmp_path: Path) -> None:
    assert inside(tallied, tmp_path) == [5, 5, 0]


class Renewing:
    """A registry of datagrams: one server, and registrars that send to it; one balancer that
    sends nothing. A ``Part``, a ``Seat`` and a ``LiveNode`` in one, as far as they are asked."""

    def __init__(self, host: Host, *words: str) -> None:
        self.name, self.host = host.name, host
        self._child = subprocess.Popen(host.command(*words)) if words else None
        self.registrar = self
        self.known: dict[str, str] = {}

    @property
    def pids(self) -> list[int]:
        return [self._child.pid] if self._child else []

    def servers(self) -> dict[str, str]:
        return self.known

    def leave(self) -> None:
        self.known.pop(self.name, None)
        if self._child:
            self._child.kill()
            self._child.wait()


class RenewingWay:
    """As a ``Contender`` and a ``Deployment``."""

    @contextmanager
    def deploy(self, hosts: HostSet, size: Size) -> Iterator[Any]:
        assert not size.checks
        self.hosts = hosts
        with echoes(cast(NamespaceHosts, hosts), "registry"):
            self.registry = [Renewing(hosts.host("registry"))]
            self.seats = [Renewing(hosts.host("balancer"))]
            self.nodes: list[Renewing] = []
            yield self
            for node in self.nodes:
                node.leave()

    def place(self, name: str) -> tuple[str, int]:
        return self.hosts.host(name).address, PORT

    def register_all(self, names: list[str]) -> list[Renewing]:
        target = self.registry[0].host.address
        words = [sys.executable, "-c", RENEWS, target, str(PORT)]
        nodes = [Renewing(self.hosts.host(name), *words) for name in names]
        self.nodes += nodes
        self.seats[0].known.update(dict.fromkeys(names, "up"))
        return nodes


class ShortCost(Cost):
    """The same in seconds."""

    at_once = 3

    def calm(self, scale: Scale) -> float:
        return 0.5

    def idle(self, scale: Scale) -> float:
        return 2.0

    def batches(self, scale: Scale) -> int:
        return 1


def renewing(hosts: NamespaceHosts) -> Any:
    noted: list[Noted] = []
    scale = Scale(nodes=2)
    sitting = Sitting(
        way="renewing",
        measure="cost",
        round=0,
        scale=scale,
        hosts=hosts,
        seed=1,
        write=noted.append,
    )
    ShortCost().run(cast(Contender, RenewingWay()), sitting)
    samples = [one for one in noted if isinstance(one, Sample)]
    return [[one.figure, one.where.get("role"), one.value] for one in samples]


def test_registrars_that_renew_are_counted_by_role_and_answers_with_the_registry(
    tmp_path: Path,
) -> None:
    found = inside(renewing, tmp_path)
    idle = {role: value for figure, role, value in found if figure == "idle_messages"}
    assert 1 < idle["nodes"] <= 20  # one each 50 ms, of each node
    assert idle["registry"] == pytest.approx(idle["nodes"], rel=0.2)  # the server answers each
    assert idle["balancers"] == 0
    assert idle["all"] == pytest.approx(idle["nodes"] + idle["registry"])
    joined = {role: value for figure, role, value in found if figure == "messages_per_join"}
    assert joined["nodes"] > 1
    assert {figure for figure, _, _ in found} == {figure.name for figure in Cost.figures}
