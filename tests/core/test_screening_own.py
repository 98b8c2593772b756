"""The load balancer's own places."""

import pytest

from lbdisc.haproxy.language.text import parse
from lbdisc.haproxy.occupied import OccupiedPlaces
from lbdisc.haproxy.settings import HaproxySettings
from lbdisc.screening.own import OwnPlaces

CONFIG = """
global
    stats socket ipv4@127.0.0.1:9999 level admin
    stats socket /run/h.sock
    localpeer me
frontend f
    bind :80,10.0.0.7:443 ssl crt x
    bind quic4@:443 ssl crt x
    bind 10.0.0.8:81 namespace other
    bind "${VIP}:82"
peers p
    peer me 10.0.0.7:1024
    peer other 10.0.0.9:1024
log-forward l
    bind 10.0.0.7:514
    dgram-bind 10.0.0.7:515
frontend range
    bind 10.0.0.7:8000-8002
"""


def own() -> OwnPlaces:
    found = OwnPlaces(here=lambda: frozenset(("10.0.0.7", "fd00::7")))
    found.add({("0.0.0.0", 80), ("10.0.0.7", 443)})
    return found


def test_all_that_a_configuration_listens_on_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIP", "10.0.0.70")
    settings = HaproxySettings(pass_environment=("VIP",))
    assert OccupiedPlaces().of(parse(CONFIG), 0, settings) == {
        ("127.0.0.1", 9999),
        ("0.0.0.0", 80),
        ("10.0.0.7", 443),
        ("10.0.0.70", 82),
        ("10.0.0.7", 1024),
        ("10.0.0.7", 514),
        *(("10.0.0.7", port) for port in (8000, 8001, 8002)),
    }


@pytest.mark.parametrize(
    "address", ["10.0.0.7", "fd00::7", "127.0.0.1", "127.9.9.9", "::1", "64:ff9b::a00:7"]
)
def test_a_bind_on_all_addresses_is_on_each_of_the_machines(address: str) -> None:
    assert own().why(address, 80)
    assert not own().why(address, 81)


def test_a_bind_on_one_address_is_on_that_alone() -> None:
    assert own().why("10.0.0.7", 443)
    assert not own().why("10.0.0.8", 443)
    assert not own().why("127.0.0.1", 443)


def test_only_ports_that_are_new_are_told() -> None:
    places = own()
    assert places.add({("0.0.0.0", 80), ("10.0.0.9", 444)}) == {444}
    assert places.add(set()) == frozenset()
