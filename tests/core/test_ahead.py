"""What needs no reload goes ahead of what does."""

from dataclasses import replace

from lbdisc import Endpoint, Snapshot
from lbdisc.agent.ahead import ASKED, ahead

NODES = [Endpoint(service="web", name=f"n{n}", address=f"10.0.0.{n}", port=80) for n in range(50)]
HOST = Endpoint(service="web", name="host", address="one.test", port=80)
BEFORE = Snapshot.of([*NODES[:20], HOST])
MOVED = replace(HOST, address="two.test")


def no_host_moves(snapshot: Snapshot) -> bool:
    return snapshot.get(HOST.key) in (HOST, None)


class Nothing:
    """Nothing passes; what was asked for is kept."""

    def __init__(self) -> None:
        self.tried: list[Snapshot] = []

    def __call__(self, snapshot: Snapshot) -> bool:
        self.tried.append(snapshot)
        return False


def test_everything_else_goes_ahead() -> None:
    changed = replace(NODES[5], weight=7)
    wanted = [*NODES[2:5], changed, *NODES[6:30], MOVED]
    found = ahead(BEFORE, Snapshot.of(wanted), no_host_moves)
    assert found == Snapshot.of([*wanted[:-1], HOST])


def test_leaves_and_drains_are_tried_first() -> None:
    nothing = Nothing()
    wanted = Snapshot.of([NODES[1].drain(), *NODES[2:30], MOVED])
    ahead(BEFORE, wanted, nothing)
    assert nothing.tried[0] == Snapshot.of([NODES[1].drain(), *NODES[2:20], HOST])


def test_where_too_many_change_at_once_as_many_leave_as_may() -> None:
    found = ahead(BEFORE, Snapshot(), lambda it: len(BEFORE.since(it).added) <= 7)
    assert 14 <= len(found) < 20


def test_what_only_a_reload_brings_stays_and_costs_little() -> None:
    nothing = Nothing()
    wanted = Snapshot.of([replace(node, port=81) for node in NODES])
    assert ahead(BEFORE, wanted, nothing) is BEFORE
    assert len(nothing.tried) <= ASKED
