"""What docs/zookeeper.md says of ACLs: enough for each program, too little for any other."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers import zookeeper
from lbdisc_lab.servers.zookeeper import PASSWORD, USER, ZooKeeperEnsemble
from support.programs import Program, Programs
from support.recipes import recipe

pytestmark = pytest.mark.timeout(180)
USERS = {name: f"password of {name}" for name in ("admin", "s1", "s2", "lb1")}
NO_RIGHT = "Insufficient permission"


class House:
    """A ZooKeeper with the folders of the page."""

    def __init__(self, folder: Path, registry: ZooKeeperEnsemble) -> None:
        self.registry = registry
        self.programs = Programs(folder, {"backend": "zookeeper", **registry.settings})
        self.says("admin", recipe("zookeeper.md", 'create /lbdisc ""'))

    def says(self, user: str, orders: str) -> str:
        """What ZooKeeper says to ``orders`` of ``user``."""
        password = USERS.get(user, PASSWORD)
        return self.registry.command_line(orders, user=user, password=password)

    @staticmethod
    def login(user: str) -> dict[str, object]:
        return {"zookeeper.sasl_user": user, "zookeeper.sasl_password": USERS.get(user, PASSWORD)}

    def agent(self, name: str = "lb1", user: str = "lb1") -> Program:
        return self.programs.agent(name, services="web", **self.login(user))

    def node(self, name: str, user: str = "", **settings: object) -> Program:
        own = {"register.service": "web", **self.login(user or name), **settings}
        return self.programs.node(name, **own)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("rights")
    with zookeeper.start(folder / "zookeeper", sasl=True, users=USERS) as registry:
        made = House(folder, registry)
        with made.programs:
            yield made


@pytest.fixture(scope="module")
def agent(house: House) -> Program:
    found = house.agent()
    found.until("announced")
    return found


@pytest.fixture(scope="module")
def node(house: House, agent: Program) -> Program:
    found = house.node("s1")
    found.until("registered")
    return found


def test_a_node_is_served_and_drained_with_its_own_rights_alone(
    house: House, agent: Program
) -> None:
    node = house.node("s2")
    node.until("registered")
    eventually(lambda: "web/s2" in str(agent.told("running").get("came")), what="s2 served")
    node.process.send(signal.SIGTERM)
    assert node.process.wait() == 0
    assert node.told("drained")["by"] == "lb1"
    eventually(lambda: "web/s2" in str(agent.told("running").get("went")), what="s2 gone")


@pytest.mark.parametrize("user", ["s2", "lb1", USER])
def test_no_other_touches_a_nodes_or_an_agents_entry(
    house: House, node: Program, user: str
) -> None:
    orders = ["set /lbdisc/web/s1 x", "delete /lbdisc/web/s1"]
    orders += ["create /lbdisc/api x", "delete /lbdisc/web", "setAcl /lbdisc world:anyone:cdrwa"]
    if user != "lb1":
        orders += ["set /lbdisc/_agents/lb1 x", "delete /lbdisc/_agents/lb1"]
        orders += ["create /lbdisc/_agents/lb2 x"]
    said = house.says(user, "\n".join(orders))
    assert said.count(NO_RIGHT) == len(orders), said


def test_who_may_create_in_a_folder_may_take_any_name_that_is_free(house: House) -> None:
    """The page says so: ZooKeeper has no rights on names."""
    assert NO_RIGHT not in house.says("s2", "create /lbdisc/web/free x")
    assert NO_RIGHT in house.says("s1", "set /lbdisc/web/free y\ndelete /lbdisc/web/free")
    house.says("admin", "delete /lbdisc/web/free")


def test_a_node_that_was_killed_comes_back_when_its_session_has_ended(
    house: House, agent: Program
) -> None:
    long: dict[str, Any] = {"zookeeper.session_timeout": 10}
    first = house.node("s2", **long)
    first.until("registered")
    first.process.kill()
    second = house.node("s2", **long)
    assert "ours before" in second.until("another holds this name: waiting")["rival"]
    second.until("registered")
    second.process.stop()


def test_a_node_without_its_right_says_whose_acl_has_to_give_it(house: House) -> None:
    node = house.node("other", user="lb1")
    error = node.until("not registered, trying again")["error"]
    assert "the ACL of /lbdisc/web has to give us c, getAcl shows it" in error
    assert "zookeeper.sasl_user" in error


def test_an_agent_that_may_not_announce_itself_says_whose_acl_has_to_give_it(
    house: House,
) -> None:
    other = house.agent("lb9", user="s2")
    error = other.until("not announced")["error"]
    assert "the ACL of /lbdisc/_agents has to give us c" in error
    assert other.told("running")
