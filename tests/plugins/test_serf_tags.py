"""Tags of members: written, read back, refused."""

import pytest

from lbdisc.errors import EntryError, SettingsError
from lbdisc.values import Endpoint
from lbdisc_serf import tags
from lbdisc_serf.members import Member
from lbdisc_serf.settings import SerfSettings
from lbdisc_serf.view import read

ENDPOINT = Endpoint(service="web", name="n1", address="10.0.0.7", port=80)


def read_back(value: str) -> Endpoint | None:
    return tags.read(value, service="web", name="n1", address="10.0.0.7")


@pytest.mark.parametrize(
    ("members", "written"),
    [
        ({}, "80"),
        ({"weight": 0}, "80;weight=0"),
        ({"weight": 5, "state": "draining"}, "80;weight=5;state=draining"),
        ({"tags": {"zone": "a b"}}, "80;zone=a b"),
        ({"tags": {"k": "a;b=c%"}}, "80;k=a%3Bb%3Dc%25"),
        ({"tags": {"k": "ü"}}, "80;k=%C3%BC"),
        ({"tags": {"weight": "1", "state": "x"}}, "80;%73tate=x;%77eight=1"),
        ({"tags": {"empty": ""}}, "80;empty="),
    ],
)
def test_endpoint_is_written_and_read_back(members: dict[str, object], written: str) -> None:
    endpoint = Endpoint(service="web", name="n1", address="10.0.0.7", port=80, **members)  # type: ignore[arg-type] # parametrized
    assert tags.write(endpoint) == written
    assert read_back(written) == endpoint


@pytest.mark.parametrize(
    "value", ["", "0", "65536", "+80", "80;", "80;x", "80;weight=1;weight=2", "80;a%20b=c", "80 "]
)
def test_bad_value_is_refused(value: str) -> None:
    with pytest.raises(EntryError):
        read_back(value)


def test_off_is_no_endpoint() -> None:
    assert read_back("off") is None


def test_tags_of_exactly_the_limit_pass() -> None:
    tags.check_size({"k": "x" * 505})  # one byte before, one for the table, two texts
    with pytest.raises(SettingsError, match="take 513 bytes, Serf allows 512"):
        tags.check_size({"k": "x" * 506})


def offered(**tags: str) -> tuple[Endpoint, ...]:
    member = Member(
        name="n1",
        address="10.0.0.7",
        port=7946,
        status="alive",
        tags={name.replace("__", "."): value for name, value in tags.items()},
    )
    return tuple(sorted(read([member], SerfSettings()).endpoints.values()))


def test_role_alone_is_a_node_of_the_lab() -> None:
    (node,) = offered(role="backend")
    assert (node.service, node.name, node.host_port) == ("nodes", "n1", "10.0.0.7:3000")


def test_tag_counts_more_than_the_role() -> None:
    assert offered(role="backend", lbdisc__web="80") == (ENDPOINT,)
    assert offered(role="backend", lbdisc__nodes="off") == ()


def test_member_offers_several_services() -> None:
    assert [e.service for e in offered(lbdisc__web="80", lbdisc__api="81")] == ["api", "web"]


def test_foreign_member_is_passed_over() -> None:
    assert offered(role="balancer", dc="east") == offered() == ()
