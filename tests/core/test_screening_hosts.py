"""What host names lead to: asked beside all else, by a resolver of the test's own."""

from collections.abc import Iterator
from threading import Event

import pytest

from lbdisc import Endpoint, Snapshot
from lbdisc.screening.asking import NameAnswer
from lbdisc.screening.hosts import Hosts
from lbdisc.screening.screen import Screening
from lbdisc.screening.turns import Turns
from lbdisc.settings.tables import EndpointsSettings
from lbdisc.testing.waiting import eventually


class Resolver:
    """Says what the test says; a name that it does not know is waited for until the test ends."""

    def __init__(self) -> None:
        self.names: dict[str, NameAnswer] = {}
        self.over = Event()
        self.asked: list[str] = []

    def __call__(self, host: str) -> NameAnswer:
        self.asked.append(host)
        if host not in self.names:
            self.over.wait(60)
            return NameAnswer()
        return self.names[host]

    def knows(self, host: str, *addresses: str) -> None:
        self.names[host] = NameAnswer(addresses, given=True)


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    found = Resolver()
    yield found
    found.over.set()


def listed(**names: str) -> Snapshot:
    return Snapshot.of(
        Endpoint(service="nodes", name=name, address=address, port=80)
        for name, address in names.items()
    )


def screened(resolver: Resolver, served: Snapshot | None = None) -> Screening:
    return Screening(EndpointsSettings(), Hosts(asking=resolver), served=served)


def until_known(screen: Screening, host: str) -> Snapshot:
    eventually(lambda: screen.hosts.is_answered(host), what=host)
    found = screen.again()
    assert found is not None
    return found


def test_a_name_is_served_once_it_leads_to_an_allowed_address(resolver: Resolver) -> None:
    screen = screened(resolver)
    resolver.knows("good.test", "10.0.0.7", "fd12::7")
    state = listed(a="10.0.0.1", b="good.test")
    assert screen.settled(state) == state


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("10.0.0.7", "::1"), ("::ffff:127.0.0.1",)])
def test_a_name_that_leads_where_nobody_may_be_is_refused(
    resolver: Resolver, addresses: tuple[str, ...]
) -> None:
    screen = screened(resolver)
    resolver.knows("evil.test", *addresses)
    found = screen.settled(listed(a="10.0.0.1", b="evil.test"))
    assert found == listed(a="10.0.0.1")
    assert f"host name evil.test leads to {addresses[-1]}" in str(found.problems[0])


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "LOCALHOST"])
def test_the_names_of_this_host_are_known_without_asking(resolver: Resolver, host: str) -> None:
    found = screened(resolver).after(listed(b=host))
    assert "leads to 127.0.0.1" in str(found.problems[0])
    assert not resolver.asked


def test_a_silent_name_keeps_nobody_waiting_and_is_named_in_time(resolver: Resolver) -> None:
    screen = screened(resolver)
    found = screen.after(listed(a="10.0.0.1", b="silent.test"))
    assert found == listed(a="10.0.0.1")
    assert not found.problems
    eventually(lambda: screen.hosts.is_late("silent.test"), what="it takes long")
    again = screen.again()
    assert again == found
    assert again is not None
    assert str(again.problems[0]).endswith("no name server answers for host name 'silent.test'")


def test_silent_names_do_not_keep_others_from_being_found(resolver: Resolver) -> None:
    screen = screened(resolver)
    resolver.knows("good.test", "10.0.0.7")
    many = {f"n{number}": f"silent{number}.test" for number in range(20)}
    found = screen.settled(listed(**many, good="good.test"))
    assert found == listed(good="good.test")


def test_a_name_that_was_served_before_keeps_its_place_while_nobody_answers(
    resolver: Resolver,
) -> None:
    state = listed(a="silent.test")
    assert screened(resolver, served=state).after(state) == state


def test_a_name_that_does_not_exist_is_the_load_balancers_business(resolver: Resolver) -> None:
    resolver.knows("nobody.test")
    state = listed(a="nobody.test")
    assert screened(resolver).settled(state) == state


def test_what_the_load_balancer_found_for_a_name_counts_as_well(resolver: Resolver) -> None:
    screen = screened(resolver)
    resolver.knows("rebinding.test", "10.0.0.7")
    state = listed(a="rebinding.test")
    assert screen.settled(state) == state
    screen.again()
    screen.hosts.saw("rebinding.test", ["127.0.0.1"])
    found = screen.again()
    assert found is not None
    assert not found.endpoints
    assert "leads to 127.0.0.1" in screen.refuses(state.endpoints[0])


def test_an_entry_that_is_written_anew_does_not_make_it_forgotten(resolver: Resolver) -> None:
    screen = screened(resolver)
    resolver.knows("rebinding.test", "10.0.0.7")
    screen.settled(listed(a="rebinding.test"))
    screen.hosts.saw("rebinding.test", ["127.0.0.1"])
    screen.after(Snapshot())
    assert not screen.settled(listed(b="rebinding.test")).endpoints


def test_names_are_asked_for_again(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lbdisc.screening.hosts.AGAIN", 0.01)
    woken = Event()
    screen = Screening(EndpointsSettings(), Hosts(woken.set, asking=resolver))
    state = listed(a="moving.test")
    resolver.knows("moving.test", "10.0.0.7")
    assert screen.settled(state).endpoints
    resolver.knows("moving.test", "127.0.0.1")
    eventually(lambda: screen.refuses(state.endpoints[0]), what="another answer")
    assert woken.wait(30)
    found = screen.again()
    assert found is not None
    assert not found.endpoints


def test_one_name_is_not_asked_for_twice_whoever_wants_it(resolver: Resolver) -> None:
    screen = screened(resolver)
    resolver.knows("good.test", "10.0.0.7")
    screen.settled(listed(a="good.test", b="good.test"))
    for _ in range(5):
        screen.after(Snapshot())
        screen.settled(listed(a="good.test"))
    assert len(resolver.asked) <= 6


def test_without_threads_a_name_is_asked_for_later(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lbdisc.screening.hosts.AGAIN", 0.01)
    none_left = [RuntimeError("can't start new thread")]
    begin = Hosts._begin

    def scarce(hosts: Hosts, host: str, turns: Turns) -> None:
        if none_left:
            raise none_left.pop()
        begin(hosts, host, turns)

    monkeypatch.setattr(Hosts, "_begin", scarce)
    resolver.knows("good.test", "10.0.0.7")
    screen = screened(resolver)
    state = listed(a="good.test")
    screen.after(state)
    assert until_known(screen, "good.test") == state
