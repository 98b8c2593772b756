"""What comes before the guard: who flaps is told once, and told when it is calm."""

from dataclasses import replace

from lbdisc import Endpoint, Snapshot, events
from lbdisc.agent.admission import Admission
from lbdisc.settings.tables import CoreSettings, EndpointsSettings

NODE = Endpoint(service="nodes", name="s1", address="10.0.0.1", port=80)


def flapping(admission: Admission, start: float, seconds: float) -> list[events.Event]:
    """What is told while it changes its address ten times a second."""
    told, now = list[events.Event](), start
    for n in range(int(seconds * 10)):
        now += 0.1
        admission.take(Snapshot.of([replace(NODE, address=f"10.0.0.{1 + n % 2}")]), now)
        told += admission.news(now)
    return told


def test_who_flaps_is_told_once() -> None:
    admission = Admission(CoreSettings(), Snapshot())
    (told,) = flapping(admission, 0, 60)
    assert isinstance(told, events.EndpointsDamped)
    assert [e.key for e in told.endpoints] == [NODE.key]
    assert 0 < told.for_s <= 60


def test_the_calm_is_told_and_it_is_known_when() -> None:
    admission, now = Admission(CoreSettings(), Snapshot()), 60.0
    flapping(admission, 0, now)
    told: list[events.Event] = []
    while not told:
        assert admission.due is not None
        assert now < 300
        now = max(now, admission.due)
        admission.wait(now)
        told += admission.news(now)
    assert isinstance(told[0], events.EndpointsCalm)
    assert 110 < now < 170
    assert admission.due is None


def test_many_that_flap_are_told_together() -> None:
    admission, told = Admission(CoreSettings(), Snapshot()), list[events.Event]()
    many = [replace(NODE, name=f"s{n}", port=n + 1) for n in range(100)]
    admission.take(Snapshot(), 0)
    for n in range(200):
        now = n * 0.1
        admission.take(Snapshot.of(many[: 50 + n % 50] if n % 2 else []), now)
        told += admission.news(now)
    assert len(told) < 20


def test_the_settings_bound_and_switch_off() -> None:
    its = EndpointsSettings(per_service=2, flap_wait=0)
    admission = Admission(CoreSettings(endpoints=its), Snapshot())
    many = [replace(NODE, name=f"s{n}", port=n + 1) for n in range(5)]
    assert len(admission.take(Snapshot.of(many), 0)) == 2
    assert flapping(admission, 0, 10) == []
