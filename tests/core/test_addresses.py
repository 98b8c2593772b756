"""The address under which others reach this machine."""

import ipaddress
import socket

import pytest

from lbdisc.addresses import is_loopback
from lbdisc.register import addresses
from lbdisc.register.addresses import (
    LOOPBACK,
    OwnAddress,
    named_address,
    routed_address,
    whereabouts,
)

Routes = dict[socket.AddressFamily, str]
V4, V6 = socket.AF_INET, socket.AF_INET6


@pytest.fixture
def routes(monkeypatch: pytest.MonkeyPatch) -> Routes:
    """The machine's routes, for the test to change; its host's name has no address."""
    known: Routes = {}
    monkeypatch.setattr(addresses, "routed_address", lambda family: known.get(family, ""))
    monkeypatch.setattr(addresses, "named_address", lambda: "")
    return known


def test_the_address_on_the_way_to_the_default_route_is_one_of_this_machine() -> None:
    found = [address for family in (V4, V6) if (address := routed_address(family))]
    for address in found:
        family = V6 if ":" in address else V4
        with socket.socket(family) as server:
            server.bind((address, 0))
    assert OwnAddress().current() == next(iter(found), named_address() or LOOPBACK)


def test_the_host_name_gives_no_address_that_only_this_machine_reaches() -> None:
    found = named_address()
    assert not found or not ipaddress.ip_address(found).is_loopback


def test_ipv4_goes_before_ipv6(routes: Routes) -> None:
    routes |= {V4: "10.0.0.7", V6: "2001:db8::7"}
    assert OwnAddress().current() == "10.0.0.7"


def test_ipv6_alone_will_do(routes: Routes) -> None:
    routes[V6] = "2001:db8::7"
    assert OwnAddress().current() == "2001:db8::7"


def test_without_a_route_the_host_name_decides(
    routes: Routes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "named_address", lambda: "10.0.0.9")
    assert OwnAddress().current() == "10.0.0.9"


def test_loopback_is_taken_when_there_is_nothing_else_and_only_so_long(routes: Routes) -> None:
    own = OwnAddress()
    assert own.current() == LOOPBACK
    routes[V4] = "10.0.0.7"
    assert own.current() == "10.0.0.7"


def test_a_new_lease_is_followed(routes: Routes) -> None:
    routes[V4] = "10.0.0.7"
    own = OwnAddress()
    routes[V4] = "10.0.0.8"
    assert own.current() == "10.0.0.8"


def test_a_route_that_is_gone_for_a_moment_moves_nothing(routes: Routes) -> None:
    routes |= {V4: "10.0.0.7", V6: "2001:db8::7"}
    own = OwnAddress()
    del routes[V4]
    assert own.current() == "10.0.0.7"


@pytest.mark.parametrize(
    ("raw", "usable"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("127.0.1.1", ""),
        ("0.0.0.0", ""),
        ("::1", ""),
        ("fe80::1%eth0", ""),
        ("2001:DB8::7", "2001:db8::7"),
    ],
)
def test_of_the_host_names_addresses_only_usable_ones_count(
    raw: str, usable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [(V4, 1, 6, "", (raw, 0))])
    assert named_address() == usable


@pytest.mark.parametrize(
    ("address", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("10.0.0.7", False), ("web-1.lan", False)],
)
def test_loopback_is_recognised(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


@pytest.mark.parametrize("text", ["10.0.0.7", "2001:db8::7", "web-1.lan", "web1", "s1"])
def test_what_is_an_address_or_a_host_name_stays_as_it_was_given(text: str) -> None:
    assert whereabouts(text).current() == text


def test_the_address_found_in_a_network_stays_while_it_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = [("eth0", "10.0.0.7"), ("eth0", "10.0.0.8"), ("eth1", "10.0.1.9")]
    monkeypatch.setattr(addresses, "own_addresses", lambda: iter(there))
    own = whereabouts("10.0.0.0/24")
    assert own.current() == "10.0.0.7"
    there.reverse()
    assert own.current() == "10.0.0.7"
    there.remove(("eth0", "10.0.0.7"))
    assert own.current() == "10.0.0.8"
    there.clear()
    assert own.current() == "10.0.0.8"
