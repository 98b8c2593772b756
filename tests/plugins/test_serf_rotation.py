"""The gossip key is changed as docs/serf.md says, while agents crash."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import psutil
import pytest

from lbdisc.testing import Holding, Watching, eventually
from lbdisc.testing.offers import make_discovery, make_registrar
from lbdisc.values import Endpoint, Snapshot
from lbdisc_lab.servers import serf
from support.children import children_with

ROOT = Path(__file__).parents[2]
NODES = 3
BALANCER = 40


class Site:
    """A balancer and three nodes, all with managed agents and one file with the gossip key."""

    def __init__(self, folder: Path) -> None:
        self.stack = ExitStack()
        self.folder = folder
        self.key = folder / "serf-gossip"
        self.key.write_text(keygen() + "\n")
        network = serf.free_network()
        self.seed = f"{network}.{serf.FIRST_NODE + BALANCER}"
        self._network = network

    def settings(self, index: int) -> dict[str, object]:
        address = f"{self._network}.{serf.FIRST_NODE + index}"
        return {
            "serf.agent": "managed",
            "serf.rpc": f"{address}:7373",
            "serf.bind": f"{address}:7946",
            "serf.join": (self.seed,),
            "serf.join_interval": 0.2,
            "serf.profile": "local",
            "serf.encrypt_file": self.key,
            "serf.folder": self.folder / f"managed-{index}",
        }

    def start(self) -> None:
        discovery = make_discovery("serf", self.settings(BALANCER) | {"serf.node": "balancer"})
        self.watching = self.stack.enter_context(Watching(discovery))
        for index in range(NODES):
            address = f"{self._network}.{serf.FIRST_NODE + index}"
            node = Endpoint(service="nodes", name=f"n{index}", address=address, port=80)
            self.stack.enter_context(Holding(make_registrar("serf", self.settings(index)), node))
        self.watching.until(everybody, deadline=15)
        eventually(lambda: all(self.alive(i) == 4 for i in (*range(NODES), BALANCER)))

    def alive(self, index: int) -> int:
        """How many members the agent ``index`` believes alive."""
        answer = self.serf(index, "members", "-status=alive").stdout
        return len(answer.splitlines())

    def serf(self, index: int, *words: str) -> "subprocess.CompletedProcess[str]":
        return run(f"serf {' '.join(words)}", self.settings(index)["serf.rpc"])

    def crash(self, index: int) -> None:
        """kill -9 the agent; returns when its successor knows everybody."""
        agent = eventually(lambda: self.own(index))[0]
        agent.kill()
        eventually(lambda: self.own(index) not in ([], [agent]) and self.alive(index) == 4)

    def own(self, index: int) -> list[psutil.Process]:
        return children_with(f"/managed-{index}/")

    def keys(self, index: int) -> str:
        """Which member has which key; empty if not all have told."""
        answer = self.serf(index, "keys", "-list")
        return "" if answer.returncode else answer.stdout

    def never_fewer(self) -> bool:
        """Whether all nodes were listed all the time since they were there."""
        whole = [everybody(snapshot) for snapshot in self.watching.seen.snapshots]
        return all(whole[whole.index(True) :])


def everybody(snapshot: Snapshot) -> bool:
    return [e.name for e in snapshot.endpoints] == [f"n{number}" for number in range(NODES)]


def keygen() -> str:
    return subprocess.run(["serf", "keygen"], capture_output=True, text=True).stdout.strip()


def run(script: str, rpc: object) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "SERF_RPC_ADDR": str(rpc)}
    return subprocess.run(
        ["sh", "-euc", script], env=environment, capture_output=True, text=True, timeout=30
    )


def told(script: str, rpc: object) -> bool:
    """Whether the script's last command succeeded; ``serf keys`` is repeated as the page says."""
    answer = run(script, rpc)
    assert "nodes reported success" in answer.stdout + answer.stderr or not answer.returncode
    return not answer.returncode


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    with site.stack:
        site.start()
        yield site


def recipe(key: Path) -> tuple[str, list[str]]:
    """What the page says: the definitions, and the steps."""
    page = (ROOT / "docs/serf.md").read_text()
    (block,) = re.findall(r"```sh\nfile=/etc/lbdisc/serf-gossip\n(.*?)```", page, re.DOTALL)
    definitions, *steps = block.splitlines()
    assert len(steps) == 5
    return f"file={key}\n{definitions}", steps


@pytest.mark.timeout(180)
def test_the_key_is_changed_as_the_page_says_while_agents_crash(site: Site) -> None:
    definitions, steps = recipe(site.key)
    old = site.key.read_text().strip()
    rpc, new = site.settings(0)["serf.rpc"], keygen()
    definitions = definitions.replace('$(cat "$file")', old).replace("$(serf keygen)", new)
    for number, step in enumerate(steps):
        eventually(partial(told, f"{definitions}\n{step}", rpc), deadline=30)
        site.crash(BALANCER if number % 2 else 1)
    assert site.never_fewer()
    assert site.key.read_text() == new + "\n"
    keys = eventually(lambda: site.keys(0))
    assert f"{new}  [4/4]" in keys
    assert old not in keys


def test_a_rotation_outlives_a_crash_though_the_file_was_forgotten(site: Site) -> None:
    rpc, old, new = site.settings(0)["serf.rpc"], site.key.read_text().strip(), keygen()
    for step in (f"-install {new}", f"-use {new}", f"-remove {old}"):
        eventually(partial(told, f"serf keys {step}", rpc), deadline=30)
    site.crash(BALANCER)
    site.crash(0)
    assert site.never_fewer()


def test_a_new_key_is_taken_by_who_is_shut_out_as_soon_as_the_file_has_it(
    tmp_path: Path,
) -> None:
    with serf.start(tmp_path, encrypt=True) as registry:
        registry.node("n1")
        key = tmp_path / "key"
        key.write_text(keygen())
        settings = registry.node_settings(BALANCER) | {"serf.node": "balancer"}
        del settings["serf.encrypt"]
        with Watching(make_discovery("serf", settings | {"serf.encrypt_file": key})) as watching:
            assert "serf.encrypt" in str(watching.failed(deadline=15))
            key.write_text(registry.encrypt)
            watching.until(lambda s: len(s) == 1, deadline=15)
        assert [len(snapshot) for snapshot in watching.seen.snapshots] == [1]
