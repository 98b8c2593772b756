"""`lbdisc register` on a machine with several networks: each test has a network of its own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.testing.processes import Process
from lbdisc.testing.waiting import eventually
from support.scene import LBDISC

# Two interfaces, the second one without an address before {folder}/go is there.
NETWORKS = """
ip link set lo up
ip link add eth0 type veth peer name eth1
ip address add 10.81.1.7/24 dev eth0
ip address add fd81::7/64 dev eth0 nodad
ip link set eth0 up
ip link set eth1 up
ip route add default via 10.81.1.1
(while [ ! -e {folder}/go ]; do sleep 0.02; done; ip address add 10.81.2.7/24 dev eth1) &
exec "$@"
"""


class Machine:
    """A registrar in network namespaces of its own, with the folder as its registry."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "nodes" / "web" / "one.json"
        self.file.parent.mkdir(parents=True)
        self._started: list[Process] = []

    def register(self, address: str) -> Process:
        script = NETWORKS.format(folder=self.folder)
        settings = {"file.dir": self.folder / "nodes", "state_dir": self.folder / "state"}
        words = [f"--set={key}={value}" for key, value in settings.items()]
        words += ["--service=web", "--name=one", f"--address={address}", "--check=none"]
        command = ["unshare", "--net", "sh", "-ec", script, "sh", LBDISC, "register", *words]
        process = Process(command, log=self.folder / "log").start()
        self._started.append(process)
        return process

    def go(self) -> None:
        """The second interface gets its address."""
        (self.folder / "go").touch()

    def until_registered(self, address: str) -> None:
        def registered() -> bool:
            return self.file.exists() and json.loads(self.file.read_text())["address"] == address

        assert eventually(registered, what=f"registered at {address}")

    def close(self) -> None:
        for process in self._started:
            process.stop()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("place", ["10.81.2.0/24", "10.81.2.9/24", "eth1"])
def test_the_network_or_interface_that_is_named_has_the_address(
    machine: Machine, place: str
) -> None:
    machine.go()
    machine.register(place)
    machine.until_registered("10.81.2.7")


def test_of_an_interface_ipv4_is_taken_and_of_a_network_its_own_family(machine: Machine) -> None:
    machine.register("eth0")
    machine.until_registered("10.81.1.7")
    machine.close()
    machine.register("fd81::/64")
    machine.until_registered("fd81::7")


@pytest.mark.parametrize("place", ["10.81.2.0/24", "eth1"])
def test_an_address_that_is_not_there_yet_is_waited_for(machine: Machine, place: str) -> None:
    process = machine.register(place)
    why = f"no own address at {place} (there are: eth0 10.81.1.7, eth0 fd81::7)"
    assert eventually(lambda: why in process.log.read_text(), what="the log says what is there")
    assert not machine.file.exists()
    machine.go()
    machine.until_registered("10.81.2.7")


def test_a_network_that_is_none_is_refused(machine: Machine) -> None:
    process = machine.register("10.81.2.0/33")
    assert process.wait() == 2
    assert "'10.81.2.0/33' is no network such as 10.0.1.0/24" in process.log.read_text()
