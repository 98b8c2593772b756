"""The failure matrix: every fault as a test under traffic, over any registry.

A test's docstring is its row in the table. Lost requests are asserted, and that no agreement takes
longer than any machine needs; the times themselves are measured only.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lbdisc.haproxy.sockets.master import Master
from lbdisc.testing.processes import Process
from support.cell import Cell
from support.disk import Disk
from support.killing import FEW, POINTS, Killer, program
from support.rows import Rows
from support.worlds import LATE, World

FREEZE = 2.0  # seconds; below the time limits of the traffic
FLAPS, FLAP = 30, 0.05  # times there and gone, seconds each


class FailureMatrix(Rows):
    """What befalls the agent, HAProxy, the registry and the nodes; see `registry_rows` too."""

    @pytest.fixture
    def disk(self, measured: dict[str, Any], tmp_path: Path) -> Iterator[Disk]:
        """A file system for the configuration alone."""
        if not Disk.possible():
            pytest.skip("only root may mount a file system that can be full or read-only")
        folder = tmp_path / "etc"
        folder.mkdir()
        disk = Disk(folder)
        yield disk
        disk.close()

    def test_agent_killed(
        self,
        start: Callable[..., Cell],
        world: World,
        tmp_path: Path,
        request: pytest.FixtureRequest,
    ) -> None:
        """Agent killed (kill -9) at each step of an apply, and started again."""
        cell = start(haproxy={"binary": str(program(tmp_path)), "settle_after": 0})
        killer = Killer(cell)
        request.addfinalizer(killer.release)  # a program that is held outlives a test that failed
        every = world.name == "file" or request.config.getoption("--failure-matrix")
        for point in POINTS if every else FEW:  # an apply's steps are the same on each registry
            killer.kill_at(point)
            check(cell)
            cell.until_served(20)
            cell.change_settings(vars={"balance": killer.balance})
            since = time.monotonic()
            cell.agent()
            cell.agree_on_late(since)
            killer.until_all_say_the_same()
            world.remove(LATE)
            cell.agree(*world.nodes)
            killer.until_left()
        assert cell.losses() == []

    def test_haproxy_killed(self, cell: Cell, world: World) -> None:
        """HAProxy killed (kill -9, master and worker) while a node joins."""
        with cell.apart("HAProxy is dead"):
            before = cell.haproxy_pid()
            os.killpg(before, signal.SIGKILL)
            since = time.monotonic()
            cell.join_late()
            cell.until_restarted(before)
        cell.agree_on_late(since)
        assert cell.losses() == []

    def test_haproxy_frozen(self, cell: Cell, world: World) -> None:
        """HAProxy frozen (SIGSTOP) for two seconds while a node joins."""
        group = cell.haproxy_pid()
        os.killpg(group, signal.SIGSTOP)
        try:
            cell.join_late()
            time.sleep(FREEZE)
        finally:
            os.killpg(group, signal.SIGCONT)
        cell.agree_on_late(time.monotonic())
        assert cell.losses() == []

    def test_socket_gone(self, cell: Cell) -> None:
        """HAProxy's runtime socket removed."""
        (cell.state / "haproxy.sock").unlink()
        since = cell.join_late()
        cell.agree_on_late(since)
        assert cell.losses() == []

    def test_read_only(self, start: Callable[..., Cell], disk: Disk) -> None:
        """Configuration folder read-only for a while."""
        self._unwritable(start, disk, disk.read_only)

    def test_full(self, start: Callable[..., Cell], disk: Disk) -> None:
        """Configuration folder full for a while."""
        self._unwritable(start, disk, disk.fill)

    def _unwritable(
        self, start: Callable[..., Cell], disk: Disk, spoil: Callable[[], None]
    ) -> None:
        cell = start(core={"output": str(disk.folder / "haproxy.cfg")})
        spoil()
        cell.join_late()
        cell.until_status(
            lambda s: s["failure"] and "cannot write" in s["failure"]["error"], "a failed write"
        )
        cell.until_status(lambda s: s["failure"]["times"] >= 4, "more tries")
        # What is tried again and again must not start a worker each time.
        assert Master(cell.state / "master.sock").processes().reloads <= 1
        cell.until_served(100, *cell.world.nodes)
        disk.writable()
        cell.agree_on_late(time.monotonic())
        assert cell.losses() == []

    def test_registry_killed(self, cell: Cell, world: World) -> None:
        """Registry killed (kill -9) and started again."""
        world.kill()
        cell.until_registry_is_lost()
        cell.until_served(100, *world.nodes)
        world.restart()
        cell.join_late()
        cell.agree_on_late()
        assert cell.losses() == []

    @pytest.mark.fault("stall")
    def test_registry_stalled(self, cell: Cell, world: World) -> None:
        """Registry frozen (SIGSTOP) until the agent notices, and awake again."""
        world.pause()
        cell.until_registry_is_lost()
        cell.until_served(100, *world.nodes)
        world.resume()
        cell.join_late()
        cell.agree_on_late()
        assert cell.losses() == []

    @pytest.mark.fault("wipe")
    def test_registry_wiped(self, cell: Cell, world: World) -> None:
        """Registry wiped: all its data lost."""
        world.wipe()
        cell.agree(*world.nodes)
        cell.until_served(100, *world.nodes)
        assert cell.losses() == []

    def test_registry_partitioned(self, cell: Cell, world: World) -> None:
        """Agent cut off from the registry while a node joins."""
        world.cut()
        cell.until_registry_is_lost()
        cell.join_late()
        cell.until_served(100, *world.nodes)
        world.mend()
        cell.agree_on_late(time.monotonic())
        assert cell.losses() == []

    def test_half_of_the_nodes_killed(self, cell: Cell, world: World) -> None:
        """Half of the nodes killed (kill -9) at once."""
        since = cell.kill("s1", "s2")
        cell.until_served(100, "s3", "s4")
        cell.agree("s3", "s4", since=since)
        cell.until_served(50, "s3", "s4")
        assert cell.losses() == []

    def test_all_nodes_killed(self, cell: Cell, world: World) -> None:
        """All nodes killed (kill -9) at once, and started again."""
        with cell.apart("no node is alive"):
            since = cell.kill(*world.nodes)
            cell.agree(
                held=None, since=since
            )  # gossip finds one dead long before the next: that one goes
            for node in world.nodes.values():
                node.launch()
            cell.until_served(1)
        cell.agree(*world.nodes)
        cell.until_served(50, *world.nodes)
        assert cell.losses() == []

    def test_flapping(self, cell: Cell, world: World) -> None:
        """A node comes and goes 10 times a second for three seconds."""
        for _ in range(FLAPS):
            cell.join_late()
            time.sleep(FLAP)
            world.remove(LATE)
            time.sleep(FLAP)
        cell.agree_on_late(cell.join_late())
        assert cell.losses() == []

    @pytest.mark.fault("clock")
    def test_clock_jump(self, cell: Cell, world: World) -> None:
        """The clock jumps an hour ahead and an hour back."""
        for seconds in (-3600, 3600):
            world.jump(seconds)
            cell.agree(*world.nodes)
            cell.until_served(50, *world.nodes)
        cell.agree_on_late(cell.join_late())
        assert cell.losses() == []

    def test_agent_restarted_without_registry(self, cell: Cell, world: World) -> None:
        """Agent killed and started again while the registry is away."""
        world.kill()
        os.kill(cell.status["pid"], signal.SIGKILL)
        cell.agent()
        cell.until_served(100, *world.nodes)
        world.restart()
        cell.join_late()
        cell.agree_on_late()
        assert cell.losses() == []

    def test_hostile_records(self, cell: Cell, world: World) -> None:
        """Hostile and broken records beside the good ones."""
        names = [f"evil{index}" for index in range(len(world.hostile))]
        try:
            for name, value in zip(names, world.hostile.values(), strict=True):
                world.put_raw(name, value)
            cell.until_status(lambda s: len(s["problems"]) >= len(names), "all to be named")
            cell.agree_on_late(cell.join_late())
            assert "evil" not in cell.config
        finally:
            for name in names:
                world.remove(name)
        cell.until_status(lambda s: not s["problems"], "no problem left")
        assert cell.losses() == []


def check(cell: Cell) -> None:
    """What is on the disk is a good file, whenever one looks."""
    command: list[str | Path] = ["haproxy", "-c", "-f", cell.state / "haproxy.cfg"]
    assert Process(command, log=cell.folder / "check.log").start().wait() == 0
