"""Plans: right, or a reload with the reason."""

import pytest

from lbdisc.haproxy.language.text import ServerLine, parse
from lbdisc.haproxy.planning.plan import Plan, plan
from lbdisc.haproxy.versions import Features

HEAD = "global\n  stats socket /run/h.sock level admin\n"
NEW = Features((3, 0, 11), wait=True)


def text(*servers: str, proxy: str = "", more: str = "") -> str:
    lines = "".join(f"  server {server}\n" for server in servers)
    return f"{HEAD}backend b\n{proxy}{lines}{more}"


def commands(way: Plan) -> list[str]:
    assert way.how == "runtime", way.detail
    return [command.text for command in way.commands]


def reason(way: Plan) -> str:
    assert (way.how, way.commands) == ("reload", ())
    return way.detail


A, B = "a 10.0.0.1:80 check", "b 10.0.0.2:80 check"


def test_equal_texts_need_nothing() -> None:
    assert plan(text(A), text(A)).how == "nothing"


@pytest.mark.parametrize(
    "other",
    [
        text(A).replace("  server", "\t\tserver") + "# a comment\n\n",
        text("a 10.0.0.1:80 weight 1 check"),
        text("a ipv4@10.0.0.1:80 no-check check"),
        text("'a' 10.0.0.1:80 check disabled enabled"),
    ],
)
def test_what_means_the_same_is_only_written(other: str) -> None:
    assert plan(text(A), other).how == "written"


def test_a_new_server_comes_with_its_defaults_and_is_enabled_last() -> None:
    proxy = "  default-server inter 1s weight 50 send-proxy\n  default-server fall 2 inter 3s\n"
    way = plan(text(A, proxy=proxy), text(A, f"{B} maxconn 9", proxy=proxy))
    assert commands(way) == [
        "add server b/b 10.0.0.2:80 inter 3s send-proxy fall 2 check maxconn 9"
        " check-send-proxy weight 50",
        "enable health b/b",
        "enable server b/b",
    ]
    assert way.added == (("b", "b"),)


def test_a_server_without_check_or_disabled_is_added_so() -> None:
    way = plan(text(), text("a [::1]:80 check disabled", "b 10.0.0.2:80 weight 0"))
    assert commands(way) == [
        "add server b/a [::1]:80 check weight 1",
        "add server b/b 10.0.0.2:80 weight 0",
        "enable server b/b",
    ]


def test_a_gone_server_is_set_aside_and_remembered() -> None:
    way = plan(text(A, B), text(A))
    assert commands(way) == ["set server b/b state maint"]
    assert way.removed == (("b", "b"),)
    assert list(way.in_maintenance) == [("b", "b")]


def test_a_server_that_comes_back_is_taken_out_of_maintenance() -> None:
    in_maintenance = plan(text(A, B), text(A)).in_maintenance
    way = plan(text(A), text(A, "b 10.0.0.9:80 check weight 7"), in_maintenance=in_maintenance)
    assert commands(way) == [
        "set server b/b addr 10.0.0.9 port 80",
        "set server b/b weight 7",
        "enable health b/b",
        "set server b/b state ready",
        "set server b/b weight 7",
    ]
    assert way.in_maintenance == {}


def test_a_server_that_comes_back_with_other_keywords_needs_a_reload() -> None:
    in_maintenance = plan(text(A, B), text(A)).in_maintenance
    assert "'backup' changed" in reason(
        plan(text(A), text(A, f"{B} backup"), in_maintenance=in_maintenance)
    )


def test_a_name_that_waits_in_maintenance_for_an_unknown_reason_needs_a_reload() -> None:
    unknown: dict[tuple[str, str], ServerLine | None] = {("b", "b"): None}
    assert "nobody knows" in reason(plan(text(A), text(A, B), in_maintenance=unknown))


def test_a_waiting_server_stays_known_through_other_changes() -> None:
    in_maintenance = plan(text(A, B), text(A)).in_maintenance
    way = plan(text(A), text("a 10.0.0.1:80 check weight 5"), in_maintenance=in_maintenance)
    assert list(way.in_maintenance) == [("b", "b")]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a 10.0.0.1:80", "a 10.0.0.1:80 weight 0", ["weight 0"]),
        ("a 10.0.0.1:80", "a 10.0.0.1:80 disabled", ["state maint"]),
        ("a 10.0.0.1:80 disabled", "a 10.0.0.1:80", ["state ready", "weight 1"]),
        ("a 10.0.0.1:80", "a 10.0.0.2:81", ["addr 10.0.0.2 port 81"]),
        (A, "a 10.0.0.2:80 check", ["addr 10.0.0.2 port 80", "health up"]),
        (f"{A} disabled", "a 10.0.0.2:80 check disabled", ["addr 10.0.0.2 port 80"]),
    ],
)
def test_changes_are_made_in_place(before: str, after: str, expected: list[str]) -> None:
    way = plan(text(before), text(after))
    assert commands(way) == [f"set server b/a {words}" for words in expected]


def test_capacity_comes_before_it_goes() -> None:
    way = plan(
        text(A, B, "c 10.0.0.3:80"),
        text("a 10.0.0.1:80 check disabled", "b 10.0.0.2:80 check weight 9", "d 10.0.0.4:80"),
    )
    assert commands(way) == [
        "add server b/d 10.0.0.4:80 weight 1",
        "enable server b/d",
        "set server b/b weight 9",
        "set server b/a state maint",
        "set server b/c state maint",
    ]


def test_dynamic_cookies_are_filled_in_before_the_server_is_enabled() -> None:
    proxy = "  cookie S insert dynamic\n  dynamic-cookie-key k\n"
    assert commands(plan(text(proxy=proxy), text("a 10.0.0.1:80", proxy=proxy))) == [
        "add server b/a 10.0.0.1:80 weight 1",
        "enable dynamic-cookie backend b",
        "enable server b/a",
    ]


@pytest.mark.parametrize(
    ("server", "why"),
    [
        ("c host.example:80", "host name host.example is only resolved at a reload"),
        ("c 10.0.0.3", "no port"),
        ("c 10.0.0.3:+80", "no port"),
        ("c /run/app.sock", "host name"),
        ("c 10.0.0.3:80 cookie c", "'cookie' needs a reload"),
        ("c 10.0.0.3:80 resolvers r", "'resolvers' needs a reload"),
        ("c 10.0.0.3:80 track b/a", "'track' needs a reload"),
        ("c 10.0.0.3:80 minconn 1 maxconn 2", "'minconn' needs a reload"),
        ("c 10.0.0.3:80 ssl crt /a.pem", "'crt' needs a reload"),
        ("c 10.0.0.3:80 ssl", "whether its certificate is verified is not said"),
        ("c 10.0.0.3:80 ssl verify required", "the certificates it trusts are not said"),
        ("c 10.0.0.3:80 ssl verify required ca-file /a.pem", "/a.pem is only read at a reload"),
        ("c 10.0.0.3:80 ssl verify none check no-check-ssl", "'no-check-ssl' needs a reload"),
        ("c 10.0.0.3:80 ssl verify none sni req.hdr(host)", "sni that is no fixed text"),
        ("c 10.0.0.3:80 source 10.0.0.4", "keyword 'source' is not known"),
        ("c 10.0.0.3:80 brand-new 1", "keyword 'brand-new' is not known"),
        ("c 10.0.0.3:80 weight", "keyword 'weight' lacks its value"),
        ("c 10.0.0.3:80 weight 300", "odd weight"),
        ('c 10.0.0.3:80 weight "$W"', "environment variables"),
        ("'c;d' 10.0.0.3:80", "cannot be told"),
        ("c 10.0.0.3:80 check on-error 'a b'", "cannot be told"),
        ("c 10.0.0.3:80 check addr host.example", "no IP address"),
    ],
)
def test_a_server_that_cannot_be_added_as_it_is_needs_a_reload(server: str, why: str) -> None:
    assert why in reason(plan(text(A), text(A, server)))


@pytest.mark.parametrize("place", ["default-server", "server"])
def test_certificates_to_trust_that_are_read_need_no_reload(place: str) -> None:
    tls = "ssl verify required ca-file /a.pem"
    proxy, its = (f"  default-server {tls}\n", "") if place == "default-server" else ("", tls)
    before = text(f"{A} {its}", proxy=proxy)
    added = commands(plan(before, text(f"{A} {its}", f"{B} {its}", proxy=proxy)))[0]
    assert "ca-file /a.pem" in added
    assert "check-ssl" in added


@pytest.mark.parametrize(
    "server", ["port 81", "addr 10.0.0.9", "check-ssl check-send-proxy", "no-send-proxy no-ssl"]
)
def test_checks_are_told_no_more_than_the_file_says(server: str) -> None:
    given = f"{B} ssl verify none send-proxy {server}"
    added = commands(plan(text(A), text(A, given)))[0].split()
    assert added.count("check-ssl") == added.count("check-send-proxy") == server.count("check-ssl")


@pytest.mark.parametrize(
    ("proxy", "server", "why"),
    [
        ("  balance static-rr\n", B, "static-rr of b takes no new servers"),
        ("  balance source\n", B, "source of b takes no new servers"),
        ("  balance hdr(host)\n", B, "hdr of b takes no new servers"),
        ("  balance sticky\n", B, "sticky of b takes no new servers"),
        ("  balance first\n", B, "'balance first' goes by ids"),
        ("  mode log\n", B, "not in mode http or tcp"),
        ("  option external-check\n", B, "'option external-check'"),
        ("  server-template t 3 10.1.0.1:80\n", B, "'server-template'"),
        ("  http-check connect ssl\n", B, "check over ssl"),
        ("  use-server b if TRUE\n", B, "another line may name server 'b'"),
        ("  acl x srv_is_up(b/b)\n", B, "another line may name server 'b'"),
        ("  acl x srv_is_up(b)\n", B, "another line may name server 'b'"),
        ("  http-request set-var(req.x) str(b/b),srv_queue\n", B, "may name server 'b'"),
        ("  use-server %[hdr(x)] if TRUE\n", B, "use-server of b may name any server"),
    ],
)
def test_a_proxy_that_fixes_its_servers_at_start_needs_a_reload(
    proxy: str, server: str, why: str
) -> None:
    assert why in reason(plan(text(A, proxy=proxy), text(A, server, proxy=proxy)))


@pytest.mark.parametrize(
    "balance",
    [
        *("balance leastconn", "balance random(2)", "balance first"),
        *("balance uri\n  hash-type consistent", "balance hdr(host)\n  hash-type consistent sdbm"),
    ],
)
def test_a_dynamic_balance_takes_new_servers(balance: str) -> None:
    proxy = f"  {balance}\n"
    way = plan(text(f"{A} id 1", proxy=proxy), text(f"{A} id 1", f"{B} id 2", proxy=proxy))
    assert way.how == "runtime", way.detail


@pytest.mark.parametrize(
    ("before", "after"),
    [((A,), (A, B)), ((A, B), (B,)), ((A, B), (B, A)), ((f"{A} id 1",), (f"{A} id 1", B))],
)
def test_a_consistent_hash_without_ids_counts_anew_at_a_reload(
    before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    proxy = "  balance uri\n  hash-type consistent\n"
    assert plan(text(*before, proxy=proxy), text(*after, proxy=proxy)).how == "reload"


def test_an_odd_weight_is_no_weight() -> None:
    assert "odd weight" in reason(plan(text(), text("a 10.0.0.1:80 weight \u00b2")))


def test_the_balance_of_the_defaults_counts() -> None:
    before, after = (f"defaults\n  balance source\n{text(*servers)}" for servers in ((A,), (A, B)))
    assert "source of b" in reason(plan(before, after))


def test_cookies_are_accepted_where_haproxy_takes_them() -> None:
    way = plan(text(A), text(A, f"{B} cookie x"), features=NEW)
    assert commands(way)[0] == "add server b/b 10.0.0.2:80 check cookie x weight 1"


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (text(A), text(A, more="  retries 3\n"), "1 instead of 0 lines"),
        (text(A, proxy="  retries 3\n"), text(A, proxy="  retries 2\n"), "line 4 changed"),
        (text(A), text(A).replace("h.sock", "i.sock"), "line 2 changed"),
        (text(A), text(A, more="frontend f\n  bind :80\n"), "3 sections instead of 2"),
        (text(A), text(A).replace("backend b", "backend c"), "line 3: section 'backend c' is new"),
        (text(A), text(A, f"{A} backup"), "two servers of b have one name"),
        (text(A), text(A, B, more=".if defined(X)\n  # x\n.endif\n"), "instead of 0 lines"),
        (text(A), text("a 10.0.0.1:80 check maxconn 5"), "'maxconn' changed"),
        (text("a h.example:80"), text("a i.example:80"), "only IP address and port"),
        (text("a 10.0.0.1:80 agent-check"), text(), "its removal needs a reload"),
        (text(A, "b 10.0.0.2:80 track a"), text("b 10.0.0.2:80 track a"), "may be tracked"),
        (text('a 10.0.0.1:80 weight "$W"'), text('a 10.0.0.1:80 weight "$V"'), "variables"),
    ],
)
def test_anything_else_is_a_reload(before: str, after: str, why: str) -> None:
    assert why in reason(plan(before, after))


def test_a_weight_that_the_balance_fixes_needs_a_reload() -> None:
    proxy = "  balance static-rr\n"
    way = plan(text(A, proxy=proxy), text(f"{A} weight 2", proxy=proxy))
    assert "its weight is fixed" in reason(way)


def test_the_order_counts_where_it_decides_who_serves() -> None:
    for balance, how in (("roundrobin", "written"), ("first", "reload"), ("source", "reload")):
        proxy = f"  balance {balance}\n"
        assert plan(text(A, B, proxy=proxy), text(B, A, proxy=proxy)).how == how


def test_many_changes_are_cheaper_as_a_reload() -> None:
    many = [f"s{i} 10.0.1.{i}:80" for i in range(4)]
    assert "4 servers change at once, more than 3" in reason(
        plan(text(), text(*many), max_changes=3)
    )
    assert plan(text(), text(*many), max_changes=4).how == "runtime"


def test_every_reason_counts_and_the_first_is_told() -> None:
    way = plan(text(), text("a h.example:80", "b 10.0.0.1"))
    assert len(way.reasons) == 2
    assert way.detail.endswith("(and 1 more)")


def test_the_detail_says_how_much_is_done() -> None:
    assert plan(text(A), text(A, B)).detail == "3 runtime commands for 1 servers"


def test_a_path_that_looks_like_a_name_is_no_mention() -> None:
    proxy = "  acl x path_beg /b /c/b\n  errorfile 503 /etc/b\n"
    assert plan(text(A, proxy=proxy), text(A, B, proxy=proxy)).how == "runtime"


def test_a_server_that_stays_uncertain_disturbs_nobody() -> None:
    odd = 'o 10.0.0.9:80 weight "$W" brand-new 1'
    assert plan(text(odd, A), text(odd, A, B)).how == "runtime"


def test_the_model_knows_what_the_plan_added() -> None:
    assert ("b", "b") in parse(text(A, B)).servers


def test_a_server_of_a_proxy_that_is_called_from_changes_at_run_time() -> None:
    text = "defaults\n  mode http\nlisten from\n  bind :1\n  server a 10.0.0.1:80\n"
    found = plan(text, f"{text}  server b 10.0.0.2:80\n")
    assert [command.text for command in found.commands] == [
        "add server from/b 10.0.0.2:80 weight 1",
        "enable server from/b",
    ]
