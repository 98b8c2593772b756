"""Rows of the failure matrix in which the registry is not what it was, or not for everybody."""

from collections.abc import Callable

import pytest

from support.cell import Cell
from support.rows import Rows
from support.worlds import LATE, World

GUARD = {"loss_hold": 1}  # seconds; over long before a test is


class RegistryRows(Rows):
    """Another history, another registry, and only some who are cut off."""

    @pytest.mark.fault("history")
    def test_registry_restored(self, cell: Cell, world: World) -> None:
        """Registry restored from an older backup, and written to before the agent looks."""
        cell.join_late()
        world.backup()
        cell.agree_on_late()
        world.remove(LATE)
        cell.agree(*world.nodes)
        world.cut()
        cell.until_registry_is_lost()
        world.restore()
        cell.until_served(100, *world.nodes)
        world.mend()
        cell.agree_on_late()
        assert cell.losses() == []

    @pytest.mark.fault("history")
    def test_registry_rebuilt(self, cell: Cell, world: World) -> None:
        """Registry set up anew, and written to before the agent looks."""
        cell.agree_on_late(cell.join_late())
        world.cut()
        cell.until_registry_is_lost()
        world.rebuild()
        cell.until_served(100, *world.nodes)
        world.mend()
        cell.agree(*world.nodes)
        assert cell.losses() == []

    @pytest.mark.fault("swap")
    def test_registry_swapped(self, cell: Cell, world: World) -> None:
        """Agent's address of the registry leads to another registry for a while."""
        world.swap()
        cell.agree(LATE, held=None)
        held = {each["name"] for each in cell.status["held"]}
        assert len(held) == len(world.nodes) - 1  # with the new one as many as there were
        cell.until_served(100, *held, LATE)
        world.mend()
        cell.agree(*world.nodes)
        cell.until_served(100, *world.nodes)
        assert cell.losses() == []

    def test_nodes_partitioned(self, start: Callable[..., Cell], world: World) -> None:
        """Nodes cut off from the registry, until nothing is listed and `loss_hold` is over."""
        cell = start(guard=GUARD)
        world.cut_nodes()
        held = cell.until_held_beyond_the_clock()
        assert held == set(world.nodes) or not world.at_once
        cell.until_served(100, *held)
        world.mend_nodes()
        cell.agree(*world.nodes)
        assert cell.losses() == []


class TrioRows(Rows):
    """What takes several members, or passwords."""

    @pytest.mark.fault("alone")
    def test_registry_alone(self, cell: Cell, world: World) -> None:
        """Registry without its majority (two of three members killed), or all others (Serf)."""
        world.isolate()
        cell.until_registry_is_lost()
        cell.until_served(100, *world.nodes)
        assert set(cell.servers()) == set(world.nodes)
        world.heal()
        cell.agree_on_late(cell.join_late())
        assert cell.losses() == []

    @pytest.mark.fault("rotate")
    def test_secret_rotated(self, cell: Cell, world: World) -> None:
        """Password or key changed: the agent begins anew with the old one, and gets the new one."""
        world.rotate()
        cell.until_status(
            lambda status: world.secret in (status["registry_error"] or ""),
            f"a wrong {world.secret}",
        )
        cell.until_served(100, *world.nodes)
        assert set(cell.servers()) == set(world.nodes)
        world.hand_out()
        cell.agree_on_late(cell.join_late())
        assert cell.losses() == []
