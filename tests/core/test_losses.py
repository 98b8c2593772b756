"""What a new configuration takes away, counted by proxy and by address and port."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbdisc.haproxy.first_contact import servers_in
from lbdisc.losses import Losses, ProxyServer, losses

WEB = """
backend web
    default-server inter 2s
    server w1 10.0.0.1:80 check
    server w2 10.0.0.2:80 disabled
listen db
    bind :5432
    server d1 10.0.1.1:5432 backup
"""


def taken(before: str, after: str) -> Losses:
    return losses(servers_in(before), servers_in(after))


def refuses(found: Losses, share: float = 0.5) -> list[str]:
    return [loss.proxy for loss in found.over(share)]


def test_everything_gone_is_told_as_such() -> None:
    found = taken(WEB, "")
    assert str(found) == "takes 3 of 3 servers of 2 proxies, none is left"
    assert refuses(found, share=1.0) == ["web", "db"]


def test_nothing_gone_is_told_as_nothing() -> None:
    assert str(taken(WEB, WEB + "    server d2 10.0.1.2:5432\n")) == ""


def test_what_is_left_is_counted() -> None:
    found = taken(WEB, WEB.replace("server w1 10.0.0.1", "server w1 10.0.0.9"))
    assert str(found) == "takes 1 of 3 servers of 2 proxies, 2 are left"
    assert refuses(found) == []
    assert refuses(found, share=0.4) == ["web"]


def test_disabled_and_backup_servers_count_as_others_do() -> None:
    assert [str(s) for s in servers_in(WEB)] == [
        "w1 10.0.0.1:80",
        "w2 10.0.0.2:80",
        "d1 10.0.1.1:5432",
    ]


def test_a_server_that_is_called_otherwise_is_the_same() -> None:
    assert str(taken(WEB, WEB.replace("w1", "node-1").replace("disabled", "weight 3"))) == ""


def test_a_proxy_that_vanishes_loses_all_though_its_servers_are_elsewhere() -> None:
    found = taken(WEB, WEB.replace("backend web", "backend nodes"))
    assert refuses(found) == ["web"]


def test_two_servers_of_one_address_are_one() -> None:
    twice = "backend a\n server x 10.0.0.1:80\n server y 10.0.0.1:80 backup\n"
    assert str(taken(twice, "backend a\n server z 10.0.0.1:80\n")) == ""


@pytest.mark.parametrize(("slots", "count"), [("5", 5), ("1-5", 5), ("3-4", 2)])
def test_a_template_counts_as_often_as_it_makes_servers(slots: str, count: int) -> None:
    text = f"backend a\n server-template app {slots} app.local:80 resolvers dns\n"
    assert f"takes {count} of {count} servers" in str(taken(text, "backend a\n"))
    shorter = "backend a\n server-template app 1 app.local:80\n"
    assert str(taken(text, shorter)).startswith(f"takes {count - 1} of {count} ")


@pytest.mark.parametrize(
    ("written", "other"),
    [
        ("ipv4@10.0.0.1:80", "10.0.0.1:80"),
        ("[2001:DB8::1]:80", "2001:db8:0::1:80"),
        ("ipv6@[::1]:80", "[::1]:80"),
        ("/run/app.sock", "/run/app.sock"),
        ("${HOST}:80", "${HOST}:80"),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_one_address_is_known_however_it_is_written(written: str, other: str) -> None:
    one, two = (servers_in(f"backend a\n server x {address}\n")[0] for address in (written, other))
    assert one.place == two.place


def test_another_port_is_another_server() -> None:
    found = taken("backend a\n server x 10.0.0.1:80\n", "backend a\n server x 10.0.0.1:81\n")
    assert refuses(found) == ["a"]


def test_peers_and_frontends_have_no_servers() -> None:
    assert servers_in("peers p\n server lb1 10.0.0.1:1024\nfrontend f\n bind :80\n") == ()


def test_what_an_operator_accepted_does_not_count() -> None:
    accepted = {("web", "10.0.0.1:80"), ("web", "10.0.0.2:80")}
    found = losses(servers_in(WEB), (), accepted=accepted)
    assert str(found) == "takes 1 of 1 server of 1 proxy, none is left"


def test_many_are_named_with_the_count_of_the_rest() -> None:
    text = "backend a\n" + "".join(f" server s{n} 10.0.0.{n}:80\n" for n in range(1, 15))
    [loss] = taken(text, "").taken
    assert str(loss).endswith("s10 10.0.0.10:80 and 4 more)")


servers = st.builds(
    ProxyServer,
    proxy=st.sampled_from("ab"),
    name=st.sampled_from("xyz"),
    address=st.sampled_from(["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]),
    slots=st.integers(1, 3),
)


@given(st.lists(servers), st.lists(servers))
def test_never_more_goes_than_was_there_and_nothing_of_what_stays(
    before: list[ProxyServer], after: list[ProxyServer]
) -> None:
    assert losses(before, before).taken == ()
    for loss in losses(before, after).proxies:
        assert 0 <= loss.count <= loss.total
    for loss in losses(before, ()).proxies:
        assert loss.count == loss.total
