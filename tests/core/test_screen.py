"""What of a registry's state passes, and what that costs."""

from typing import Any

from lbdisc import Endpoint, Snapshot
from lbdisc.screening.screen import Screening
from lbdisc.settings.tables import EndpointsSettings, ServiceEndpoints


def endpoint(name: str, address: str = "10.0.0.1", **parts: str) -> Endpoint:
    return Endpoint(service=parts.get("service", "nodes"), name=name, address=address, port=80)


def screen(**settings: Any) -> Screening:
    return Screening(EndpointsSettings(**settings))


def test_who_is_refused_is_named_and_the_others_pass() -> None:
    found = screen().after(Snapshot.of([endpoint("good"), endpoint("evil", "127.0.0.1")]))
    assert found == Snapshot.of([endpoint("good")])
    assert [str(problem) for problem in found.problems] == [
        "nodes/evil: 127.0.0.1 is a loopback address: allowed only where endpoints.allow names"
        " 127.0.0.0/8, or a part"
    ]


def test_where_all_may_be_served_the_snapshot_is_the_same_object() -> None:
    snapshot = Snapshot.of([endpoint("a"), endpoint("b")])
    assert screen().after(snapshot) is snapshot


def test_who_mends_its_address_passes_and_who_spoils_it_does_not() -> None:
    one, bad, good = screen(), endpoint("a", "127.0.0.1"), endpoint("a")
    for state, passes in ((bad, False), (good, True), (bad, False)):
        found = one.after(Snapshot.of([state, endpoint("b")]))
        assert (found.get(good.key) is not None) is passes
        assert bool(found.problems) is not passes
    assert not one.after(Snapshot.of([endpoint("b")])).problems


def test_any_way_of_changes_passes_what_a_first_look_would() -> None:
    one = screen()
    states = [
        Snapshot.of(
            endpoint(f"n{k}", "127.0.0.1" if k % (turn + 2) == 0 else f"10.0.{turn % 3}.{k % 250}")
            for k in range(turn, turn + size)
        )
        for turn, size in enumerate((300, 301, 20, 19, 400, 0, 5))
    ]
    for state in states:
        found, fresh = one.after(state), screen().once(state)
        assert found == fresh
        assert found.problems == fresh.problems


def test_ports_that_are_not_named_are_refused_by_address_and_by_name() -> None:
    own = {"nodes": ServiceEndpoints(ports=("81-90",))}
    for address in ("10.0.0.1", "fd00::1", "localhost", "node.example"):
        assert not screen(ports=["80"]).refuses(endpoint("a", address)).startswith("port")
        assert (
            screen(ports=["22", "81-65535"]).refuses(endpoint("a", address))
            == "port 80 is none of endpoints.ports"
        )
        assert (
            screen(ports=["80"], services=own).refuses(endpoint("a", address))
            == "port 80 is none of endpoints.services.nodes.ports"
        )


def test_the_core_s_own_services_are_not_screened() -> None:
    ours = Snapshot.of([endpoint("lb1", "127.0.0.1", service="_agents")])
    assert screen().after(ours) == ours


def test_host_names_are_refused_where_the_settings_say_so() -> None:
    found = screen(hosts="refuse").after(Snapshot.of([endpoint("a", "node.example")]))
    assert not found.endpoints
    assert "endpoints.hosts refuses" in str(found.problems[0])
