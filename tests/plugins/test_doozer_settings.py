"""The table ``[doozer]``: what cannot work is refused in one line."""

import pytest
import structlog.testing
from pydantic import SecretStr

from lbdisc_doozer.discovery import DoozerDiscovery
from lbdisc_doozer.registrar import DoozerRegistrar
from lbdisc_doozer.settings import DoozerSettings, ServerPlace


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("10.0.0.1", ServerPlace("10.0.0.1", 8046)),
        ("doozer.example.com:80", ServerPlace("doozer.example.com", 80)),
        ("[2001:db8::1]:8047", ServerPlace("2001:db8::1", 8047)),
        ("[2001:db8::1]", ServerPlace("2001:db8::1", 8046)),
    ],
)
def test_servers_are_host_and_port(given: str, place: ServerPlace) -> None:
    assert DoozerSettings(servers=(given, given)).places == (place,)
    assert ServerPlace.parse(str(place)) == place


@pytest.mark.parametrize(
    "given",
    ["", ":8046", "a:b", "a:0", "a:65536", "2001:db8::1", "http://a:80", "a/b", "a b", "u@a:80"],
)
def test_what_is_no_server_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"^servers: "):
        DoozerSettings(servers=(given,))


def test_a_uri_is_told_what_to_be() -> None:
    with pytest.raises(ValueError, match="give what follows each ca= as HOST:PORT"):
        DoozerSettings(servers=("doozer:?ca=10.0.0.1:8046&sk=s3cr3t",))


def test_no_server_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="servers is empty"):
        DoozerSettings(servers=())


@pytest.mark.parametrize("prefix", ["", "/", "lbdisc", "/a_b", "/a//b", "/a b", "/ctl", "/ctl/x"])
def test_a_prefix_that_doozer_cannot_have_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match=r"^prefix "):
        DoozerSettings(prefix=prefix)


def test_a_slash_at_the_end_of_a_prefix_is_none() -> None:
    assert DoozerSettings(prefix="/a/b/").prefix == "/a/b"


def test_a_host_asks_in_an_order_of_its_own_that_stays() -> None:
    servers = tuple(f"10.0.0.{number}" for number in range(1, 9))
    settings = DoozerSettings(servers=servers)
    assert settings.places_for("web/s1") == settings.places_for("web/s1")
    assert settings.places_for("web/s1") != settings.places_for("web/s2")
    unshuffled = DoozerSettings(servers=servers, shuffle=False)
    assert [place.host for place in unshuffled.places_for("any")] == [*servers]


def test_a_secret_beyond_loopback_is_warned_of() -> None:
    with structlog.testing.capture_logs() as lines:
        DoozerDiscovery(DoozerSettings(secret=SecretStr("s")))
        DoozerRegistrar(DoozerSettings(servers=("10.0.0.1",)))
        assert lines == []
        DoozerDiscovery(DoozerSettings(servers=("10.0.0.1", "127.0.0.1"), secret=SecretStr("s")))
    assert [line["servers"] for line in lines] == [["10.0.0.1:8046"]]
