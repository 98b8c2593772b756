"""The guard: clean leaves pass, mass losses are held, nothing drops to zero by expiry alone."""

from lbdisc import Endpoint, Snapshot
from lbdisc.agent.guard import Guard
from lbdisc.settings.tables import GuardSettings

SETTINGS = GuardSettings(max_loss=0.5, loss_window=10, loss_hold=60)


def nodes(*names: str, draining: tuple[str, ...] = (), service: str = "nodes") -> Snapshot:
    return Snapshot.of(
        Endpoint(
            service=service,
            name=name,
            address="10.0.0.1",
            port=3000,
            state="draining" if name in draining else "ready",
        )
        for name in names
    )


def names(snapshot: Snapshot) -> list[str]:
    return [endpoint.name for endpoint in snapshot.endpoints]


def test_a_small_loss_passes_at_once() -> None:
    guard = Guard(SETTINGS, nodes("a", "b", "c", "d"))
    assert names(guard.judge(nodes("a", "b"), 0).snapshot) == ["a", "b"]


def test_a_mass_loss_is_held_and_released_in_time() -> None:
    guard = Guard(SETTINGS, nodes("a", "b", "c", "d"))
    verdict = guard.judge(nodes("a"), 0)
    assert names(verdict.snapshot) == ["a", "b", "c", "d"]
    assert [e.name for e in verdict.held] == ["b", "c", "d"]
    assert guard.due == 60
    assert names(guard.wait(59.9).snapshot) == ["a", "b", "c", "d"]
    assert [e.name for e in guard.wait(60).released] == ["b", "c", "d"]
    assert names(guard.wait(60).snapshot) == ["a"]


def test_losses_one_by_one_within_the_window_count_together() -> None:
    guard = Guard(SETTINGS, nodes("a", "b", "c", "d"))
    guard.judge(nodes("a", "b", "c"), 0)
    guard.judge(nodes("a", "b"), 1)
    assert names(guard.judge(nodes("a"), 2).snapshot) == ["a", "b", "c", "d"]


def test_losses_far_apart_are_no_mass_loss() -> None:
    guard = Guard(SETTINGS, nodes("a", "b", "c", "d"))
    guard.judge(nodes("a", "b", "c"), 0)
    guard.judge(nodes("a", "b"), 20)
    assert names(guard.judge(nodes("a"), 40).snapshot) == ["a"]


def test_the_last_endpoint_never_goes_by_expiry_alone() -> None:
    guard = Guard(SETTINGS, nodes("a"))
    assert names(guard.judge(nodes(), 0).snapshot) == ["a"]
    assert names(guard.wait(60).snapshot) == []


def test_all_may_leave_cleanly_at_once() -> None:
    guard = Guard(SETTINGS, nodes("a", "b"))
    guard.judge(nodes("a", "b", draining=("a", "b")), 0)
    assert names(guard.judge(nodes(), 0).snapshot) == []


def test_one_that_comes_back_is_no_longer_held() -> None:
    guard = Guard(SETTINGS, nodes("a", "b"))
    guard.judge(nodes(), 0)
    verdict = guard.judge(nodes("a", draining=("a",)), 5)
    assert [(e.name, e.state) for e in verdict.snapshot.endpoints] == [
        ("a", "draining"),
        ("b", "ready"),
    ]
    assert [e.name for e in guard.held] == ["b"]


def test_services_are_judged_apart() -> None:
    both = Snapshot.of([*nodes("a", "b").endpoints, *nodes("x", service="api").endpoints])
    guard = Guard(SETTINGS, both)
    verdict = guard.judge(nodes("a", "b"), 0)
    assert [str(e) for e in verdict.held] == ["api/x@10.0.0.1:3000"]


def test_a_wiped_registry_that_fills_again_loses_nobody() -> None:
    guard = Guard(SETTINGS, nodes("a", "b", "c"))
    for now, there in enumerate([(), ("a",), ("a", "b"), ("a", "b", "c")]):
        assert names(guard.judge(nodes(*there), now).snapshot) == ["a", "b", "c"]
    assert guard.held == ()


def test_without_a_hold_time_the_guard_is_off() -> None:
    guard = Guard(GuardSettings(loss_hold=0), nodes("a", "b"))
    assert names(guard.judge(nodes(), 0).snapshot) == []


def test_without_endpoints_at_start_an_empty_registry_is_believed() -> None:
    assert names(Guard(SETTINGS).judge(nodes(), 0).snapshot) == []
