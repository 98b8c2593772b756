"""Wrong removals where they do happen: registrars frozen for longer than their entries last."""

from lbdisc_compare.measures.removals import HealthyRemoved
from support.faulting import measured, values


def test_a_frozen_registrar_has_its_healthy_node_removed() -> None:
    small = HealthyRemoved(ladder=(14.0, 0.1), starving=0.5, most=0.2, servers=0.2, balancer=0.2)
    found = measured("file", small)
    alone = {"who": "registrars", "how": "frozen", "k": 1}
    assert values(found, "removed_wrongly", **alone, seconds=14.0) == [1]
    assert values(found, "removed_seconds", **alone, seconds=14.0)[0] > 1
    assert values(found, "seats_affected", **alone, seconds=14.0) == [2]
    assert values(found, "removed_wrongly", **alone, seconds=0.1) == [0]


def test_removals_are_counted_with_and_without_the_guard() -> None:
    small = HealthyRemoved(ladder=(0.1,), starving=0.1, most=14.0, servers=0.1, balancer=0.1)
    found = measured("file", small)
    most = {"who": "registrars", "k": 3, "seconds": 14.0}
    assert values(found, "removed_wrongly", **most, guard=False) == [3]
    assert values(found, "removed_wrongly", **most, guard=True)[0] < 3
    assert values(found, "guard_right_holds", **most)[0] >= 2
    assert values(found, "guard_false_holds", **most) == [1]
