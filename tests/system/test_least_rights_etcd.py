"""What docs/etcd.md says of users and roles: enough for each program, too little for any other."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers import etcd
from lbdisc_lab.servers.etcd import EtcdCluster
from support.programs import Program, Programs
from support.recipes import recipe

pytestmark = pytest.mark.timeout(180)


class House:
    """An etcd with the users of the page."""

    def __init__(self, folder: Path, registry: EtcdCluster) -> None:
        self.registry = registry
        self.programs = Programs(folder, {"backend": "etcd", **registry.settings})
        self._environment = {**os.environ, "ETCDCTL_API": "3"}
        self._environment["ETCDCTL_ENDPOINTS"] = registry.servers[0].url
        for users in (recipe("etcd.md", "etcdctl role add nodes"), recipe("etcd.md", "agent() {")):
            command = ["sh", "-ec", users]
            subprocess.run(command, env=self._environment, check=True, timeout=60)
        registry.cli.auth = True

    def agent(self) -> Program:
        login = {"etcd.user": "agent-lb1", "etcd.password": "password-of-lb1"}
        return self.programs.agent("lb1", services="web", **login)

    def node(self, name: str, user: str = "", **settings: object) -> Program:
        login: dict[str, object] = {"etcd.user": f"node-web-{user or name}", "etcd.ttl": 2}
        login["etcd.password"] = f"password-of-{user or name}"
        return self.programs.node(name, **{"register.service": "web", **login, **settings})

    def tries(self, *words: str, user: str = "node-web-s2", password: str = "of-s2") -> str:
        """What etcd says to another's ``etcdctl``; empty if it obeys."""
        command = ["etcdctl", f"--user={user}:password-{password}", *words]
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=30, check=False
        )
        return done.stderr if done.returncode else ""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("rights")
    with etcd.start(folder / "etcd") as registry:
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
    assert house.registry.cli.value("/lbdisc/web/s2") == ""


@pytest.mark.parametrize(
    "words",
    [
        ("put", "/lbdisc/web/s1", "{}"),
        ("del", "/lbdisc/web/s1"),
        ("get", "/lbdisc/web/s1"),
        ("get", "--prefix", "/lbdisc/"),
        ("put", "/lbdisc/web/s3", "{}"),
        ("put", "/lbdisc/api/s2", "{}"),
        ("put", "/lbdisc/_agents/lb1", "{}"),
        ("del", "/lbdisc/_agents/lb1"),
        ("put", "/lbdisc/_agents/lb2", "{}"),
        ("del", "--prefix", "/lbdisc/"),
        ("user", "list"),
        ("snapshot", "save", "/dev/null"),
    ],
    ids=" ".join,
)
def test_a_node_does_nothing_with_what_is_not_its_own(
    house: House, node: Program, words: tuple[str, ...]
) -> None:
    assert "permission denied" in house.tries(*words)


@pytest.mark.parametrize("key", ["/lbdisc/web/s1", "/lbdisc/_agents/lb2"])
def test_an_agent_writes_its_own_entry_alone(house: House, node: Program, key: str) -> None:
    who = {"user": "agent-lb1", "password": "of-lb1"}
    assert "permission denied" in house.tries("put", key, "{}", **who)
    assert house.tries("get", "/lbdisc/web/s1", **who) == ""


def test_one_user_for_all_nodes_serves_each_and_speaks_for_no_agent(
    house: House, agent: Program
) -> None:
    login = {"etcd.user": "nodes", "etcd.password": "password-of-nodes"}
    node = house.node("any", **login)
    node.until("registered")
    node.process.send(signal.SIGTERM)
    assert node.process.wait() == 0
    assert node.told("drained")["by"] == "lb1"
    for entry in ("lb1", "lb2"):
        order = ("put", f"/lbdisc/_agents/{entry}", "{}")
        assert "permission denied" in house.tries(*order, user="nodes", password="of-nodes")


def test_no_other_ends_a_nodes_lease_or_hangs_a_key_on_it(house: House, node: Program) -> None:
    lease = f"{house.registry.cli.field('/lbdisc/web/s1', 'Lease'):x}"
    assert "permission denied" in house.tries("lease", "revoke", lease)
    assert "permission denied" in house.tries("put", f"--lease={lease}", "/lbdisc/web/s2", "{}")


def test_others_may_keep_a_lease_alive_and_end_one_that_is_empty(
    house: House, node: Program
) -> None:
    """The page says so: etcd has no rights on these."""
    lease = f"{house.registry.cli.field('/lbdisc/web/s1', 'Lease'):x}"
    empty = house.registry.cli.run("lease", "grant", "60").split()[1]
    assert house.tries("lease", "keep-alive", "--once", lease) == ""
    assert house.tries("lease", "revoke", empty) == ""
    assert house.tries("compaction", "2") == ""


def test_a_node_without_its_right_says_which_role_has_to_give_it(house: House) -> None:
    node = house.node("other", user="s2")
    assert node.process.wait() == 2
    needed = "etcdctl role grant-permission ROLE readwrite /lbdisc/web/other"
    assert needed in node.process.log.read_text()


def test_a_node_that_may_not_see_the_agents_says_so_and_stops(house: House) -> None:
    cli = house.registry.cli
    cli.run("role", "revoke-permission", "node-web-s2", "/lbdisc/_agents/", "/lbdisc/_agents0")
    node = house.node("s2")
    node.until("registered")
    node.process.send(signal.SIGTERM)
    assert node.process.wait() == 0
    needed = "etcdctl role grant-permission ROLE read /lbdisc/_agents/ --prefix"
    assert needed in str(node.told("drain not confirmed"))
    cli.run("role", "grant-permission", "node-web-s2", "read", "/lbdisc/_agents/", "--prefix")


def test_an_agent_that_may_not_announce_itself_says_which_right_it_needs(house: House) -> None:
    login = {"etcd.user": "agent-lb1", "etcd.password": "password-of-lb1"}
    other = house.programs.agent("lb9", services="web", **login)
    needed = "etcdctl role grant-permission ROLE readwrite /lbdisc/_agents/lb9"
    assert needed in str(other.until("not announced"))
    assert other.told("running")
