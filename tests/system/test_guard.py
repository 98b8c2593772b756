"""The guard, per backend: a registry that loses its entries never empties the load balancer.

Real registries, real registrars, a real HAProxy, `lbdisc run`, and traffic all the while.
"""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import psutil
import pytest

from support.cell import Cell
from support.etcd_world import EtcdWorld
from support.file_world import FileWorld
from support.serf_world import SerfWorld
from support.worlds import LATE, World
from support.zookeeper_world import ZooKeeperWorld

HELD = ("s1", "s2")  # half of the nodes
# Half is not more than half, which is the default. Gossip finds the dead one after the other.
GUARD = {"max_loss": 0.4, "loss_window": 30}


class GuardPromises:
    """The promises; a subclass for each registry, whose server and nodes all its tests share."""

    kind: ClassVar[type[World]]

    @pytest.fixture
    def cell(self, world: World, tmp_path: Path) -> Iterator[Cell]:
        world.heal()
        with Cell(tmp_path, world, guard=GUARD) as cell:
            yield cell

    @pytest.mark.timeout(120)  # four nodes and a registry start before the first
    def test_nodes_that_a_registry_forgot_are_listed_again_and_never_gone(
        self, cell: Cell, world: World
    ) -> None:
        world.forget()
        cell.agree(*world.nodes)
        cell.until_served(20, *world.nodes)
        assert cell.lost == []
        assert "no server" not in cell.config

    @pytest.mark.timeout(120)
    def test_half_of_the_registrars_killed_at_once_stay_listed_and_serve(
        self, cell: Cell, world: World
    ) -> None:
        for name in HELD:
            world.nodes[name].kill_registrar()
        cell.agree(*(set(world.nodes) - set(HELD)), held=HELD)
        told = cell.lbdisc("status", "--json", name="status")
        assert told.wait() == 4
        held = json.loads(told.log.read_text())["held"]
        assert [each["name"] for each in held] == list(HELD)
        assert all(each["since"] < each["until"] for each in held)
        cell.until_served(20, *HELD)
        for name in HELD:
            world.nodes[name].launch()
        cell.agree(*world.nodes)
        assert cell.lost == []

    @pytest.mark.timeout(120)
    def test_what_is_held_goes_when_its_time_is_over(self, tmp_path: Path, world: World) -> None:
        world.heal()
        with Cell(tmp_path, world, guard={**GUARD, "loss_hold": 6}) as cell:
            cell.kill(*HELD)
            left = set(world.nodes) - set(HELD)
            cell.agree(*left, held=HELD)
            cell.agree(*left)
            assert cell.lost == []

    @pytest.mark.timeout(120)
    def test_a_registry_that_is_away_for_good_changes_nothing(
        self, cell: Cell, world: World
    ) -> None:
        world.kill()
        cell.until_registry_is_lost()
        cell.until_served(100, *world.nodes)
        told = cell.lbdisc("status", "--json", name="status")
        assert told.wait() == 4  # in step with what was known last, and degraded
        assert json.loads(told.log.read_text())["registry"] == "lost"
        assert set(cell.servers()) == set(world.nodes)
        assert cell.lost == []

    @pytest.mark.timeout(120)
    def test_an_agent_that_restarts_while_the_registry_is_away_serves_on(
        self, cell: Cell, world: World
    ) -> None:
        haproxy = cell.haproxy_pid()
        world.kill()
        os.kill(cell.status["pid"], signal.SIGKILL)
        cell.agent()
        assert set(cell.servers()) == set(world.nodes)
        assert cell.haproxy_pid() == haproxy
        cell.until_served(40, *world.nodes)
        world.restart()
        cell.join_late()
        cell.agree(*world.nodes, LATE)
        assert cell.lost == []

    @pytest.mark.timeout(120)
    def test_agent_and_haproxy_start_from_the_disk_while_the_registry_is_away(
        self, cell: Cell, world: World
    ) -> None:
        world.kill()
        with cell.apart("HAProxy was stopped"):
            agent = psutil.Process(cell.status["pid"])
            agent.terminate()
            agent.wait(30)
            assert cell.haproxy_pid() == 0
            cell.agent()
            cell.until_up(*world.nodes)
            cell.until_served(1)
        assert cell.status["registry"] != "ok"
        cell.until_served(40, *world.nodes)
        assert cell.lost == []


class TestFileGuard(GuardPromises):
    kind = FileWorld


class TestEtcdGuard(GuardPromises):
    kind = EtcdWorld


class TestZooKeeperGuard(GuardPromises):
    kind = ZooKeeperWorld


class TestSerfGuard(GuardPromises):
    kind = SerfWorld
