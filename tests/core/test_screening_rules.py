"""Which addresses are allowed, however they are written."""

from typing import Any

import pytest

from lbdisc.addresses import check_address
from lbdisc.errors import EntryError
from lbdisc.screening.rules import Rules
from lbdisc.settings.tables import EndpointsSettings, ServiceEndpoints


def why(address: str, service: str = "nodes", **settings: Any) -> str:
    return Rules(EndpointsSettings(**settings)).why(service, check_address(address))


@pytest.mark.parametrize(
    "address", ["10.0.0.7", "192.0.2.1", "203.0.113.9", "fd12::7", "2001:db8::7", "64:ff9b::a00:7"]
)
def test_ordinary_addresses_are_allowed_by_default(address: str) -> None:
    assert why(address) == ""


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("127.0.0.1", "loopback"),
        ("127.255.1.2", "loopback"),
        ("::1", "loopback"),
        ("0.0.0.1", "no host"),
        ("169.254.7.7", "link-local"),
        ("fe80::1", "link-local"),
        ("240.0.0.1", "reserved"),
        ("4000::1", "reserved"),
        ("169.254.169.254", "secrets"),
        ("100.100.100.200", "secrets"),
        ("168.63.129.16", "secrets"),
        ("192.0.0.192", "secrets"),
        ("fd00:ec2::254", "secrets"),
        ("64:ff9b::7f00:1", "leads to 127.0.0.1, which is a loopback"),
        ("64:ff9b::e000:1", "multicast"),
        ("64:ff9b:1::a00:7", "translator"),
        ("2002:7f00:1::", "leads to 127.0.0.1"),
        ("2002:a9fe:a9fe::1", "leads to 169.254.169.254"),
        ("2001:0:7f00:1::1", "leads to 127.0.0.1"),
        ("2001:0:a00:1::80ff:fffe", "leads to 127.0.0.1"),
        ("fd12::5efe:7f00:1", "leads to 127.0.0.1"),
        ("fd12::200:5efe:7f00:1", "leads to 127.0.0.1"),
    ],
)
def test_special_addresses_are_refused_by_all_of_ip(address: str, what: str) -> None:
    assert what in why(address)
    assert what in why(address, allow=("0.0.0.0/1", "0.0.0.0/0", "::/0", "10.0.0.0/8"))


def test_a_special_address_is_allowed_by_a_network_of_its_kind() -> None:
    assert why("127.0.0.1", allow=("127.0.0.0/8",)) == ""
    assert why("127.0.0.1", allow=("0.0.0.0/0", "127.0.0.1")) == ""
    assert why("127.0.0.2", allow=("0.0.0.0/0", "127.0.0.1"))
    assert why("64:ff9b::7f00:1", allow=("::/0", "127.0.0.0/8")) == ""


def test_link_local_addresses_do_not_open_metadata() -> None:
    assert why("169.254.7.7", allow=("169.254.0.0/16",)) == ""
    assert why("169.254.169.254", allow=("169.254.0.0/16",))
    assert why("169.254.169.254", allow=("169.254.169.254/32",)) == ""


def test_what_is_denied_is_denied_also_behind_a_translator() -> None:
    said = why("10.1.2.3", deny=("10.1.0.0/16",))
    assert said == "10.1.2.3 is in 10.1.0.0/16, which endpoints.deny names"
    assert "10.1.0.0/16" in why("64:ff9b::a01:203", deny=("10.1.0.0/16",))
    assert why("10.2.2.3", deny=("10.1.0.0/16",)) == ""


def test_an_address_outside_of_all_networks_is_refused() -> None:
    assert why("11.0.0.1", allow=("10.0.0.0/8",)) == "11.0.0.1 is in no network of endpoints.allow"
    assert why("2001:db8::1", allow=("10.0.0.0/8",))


def test_a_service_has_its_own_networks_and_what_all_are_denied() -> None:
    own = ServiceEndpoints(allow=("127.0.0.0/8", "10.0.0.0/8"), deny=("10.9.0.0/16",))
    settings: Any = {"services": {"web": own}, "deny": ("10.8.0.0/16",)}
    assert why("127.0.0.1", service="web", **settings) == ""
    assert why("127.0.0.1", **settings)
    assert "endpoints.services.web.allow" in why("11.0.0.1", service="web", **settings)
    assert "endpoints.services.web.deny" in why("10.9.0.1", service="web", **settings)
    assert "which endpoints.deny" in why("10.8.0.1", service="web", **settings)
    assert why("10.9.0.1", **settings) == ""


@pytest.mark.parametrize(
    "address",
    [
        "0x7f.1",
        "0x7f000001",
        "0X7F000001",
        "0177.0.0.1",
        "127.1",
        "2130706433",
        "127.0.0.0x1",
        "0",
        "0x",
        "localhost.",
        "0.0.0.0.",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::FFFF:0.0.0.0",
        "::ffff:0:127.0.0.1",
        "::127.0.0.1",
        "::2",
        "fe80::1%lo",
        "255.255.255.255",
        "224.0.0.1",
        "ff02::1",
        "::",
        "[::1]",
        "unix@/tmp/x",
        "127。0。0。1",
        "１２７.0.0.1",
    ],
)
def test_no_second_way_to_write_an_address_is_taken(address: str) -> None:
    with pytest.raises(EntryError, match="bad address"):
        check_address(address)


def test_a_mapped_address_is_told_how_to_be_written() -> None:
    with pytest.raises(EntryError, match=r"the IPv4-mapped form of 10\.0\.0\.7"):
        check_address("::ffff:10.0.0.7")


def test_host_names_are_kept_in_lower_case() -> None:
    assert check_address("Node-1.Example") == "node-1.example"
    assert check_address("10.0.0.0x7g") == "10.0.0.0x7g"
