"""How servers leave, come and move at run time without cutting anybody."""

from pathlib import Path

import pytest

from lbdisc.haproxy.planning.leaving import TABLE
from lbdisc.haproxy.planning.plan import Plan, plan
from lbdisc.haproxy.versions import OLDEST, Features

PAGE = Path(__file__).parents[2] / "docs" / "haproxy.md"
NEW = Features((3, 4, 7), wait=True)
CUTS = "on-marked-down shutdown-sessions"
A = "a 10.0.0.1:80 check"
COOKIE = "  cookie S insert\n"
STICK = "  stick-table type ip size 1k\n  stick on src\n"


def text(*servers: str, proxy: str = "", more: str = "") -> str:
    lines = "".join(f"  server {server}\n" for server in servers)
    head = "global\n  stats socket /run/h.sock level admin\ndefaults\n  mode http\n"
    return f"{head}backend b\n{proxy}{lines}{more}"


def leave(server: str = f"b 10.0.0.2:80 check {CUTS}", *, proxy: str = "", more: str = "") -> Plan:
    before, after = (text(*lines, proxy=proxy, more=more) for lines in ((A, server), (A,)))
    return plan(before, after)


def commands(way: Plan) -> list[str]:
    assert way.how == "runtime", way.detail
    return [command.text for command in way.commands]


def reason(way: Plan) -> str:
    assert way.how == "reload"
    return way.detail


def test_a_server_whose_maintenance_cuts_waits_at_weight_0_without_checks() -> None:
    way = leave()
    assert commands(way) == ["disable health b/b", "set server b/b weight 0"]
    assert way.leaving == {("b", "b")} == way.in_maintenance.keys()


def test_what_defaults_say_of_marks_counts() -> None:
    way = leave("b 10.0.0.2:80", proxy=f"  default-server {CUTS}\n")
    assert commands(way) == ["set server b/b weight 0"]


@pytest.mark.parametrize(
    ("proxy", "more", "why"),
    [
        (COOKIE, "", "'cookie' sends it more"),
        (STICK, "", "'stick on' sends it more"),
        ("  persist rdp-cookie\n", "", "'persist rdp-cookie' sends it more"),
        ("  balance static-rr\n", "", "its weight is fixed"),
        ("", "frontend f\n  acl full connslots(b) lt 9\n", "'connslots' counts its slots"),
        ("", "frontend f\n  use_backend c if { be_conn_free(b) 0 }\n", "'be_conn_free' counts"),
    ],
)
def test_where_weight_0_would_not_be_gentle_it_is_a_reload(proxy: str, more: str, why: str) -> None:
    assert why in str(leave(proxy=proxy, more=more).reasons)


@pytest.mark.parametrize("keeps", ["option persist", "force-persist if TRUE"])
@pytest.mark.parametrize("remembers", [COOKIE, STICK])
def test_what_sends_clients_to_a_server_that_is_down_needs_a_reload(
    keeps: str, remembers: str
) -> None:
    assert "as before" in reason(leave("b 10.0.0.2:80", proxy=f"{remembers}  {keeps}\n"))


@pytest.mark.parametrize(
    "proxy",
    [
        *(COOKIE, STICK, "  option persist\n", "  force-persist if TRUE\n"),
        f"{COOKIE}  ignore-persist if TRUE\n",
        f"{COOKIE}  option persist\n  no option persist\n",
        "  option redispatch\n  http-reuse never\n  option prefer-last-server\n",
    ],
)
def test_what_cuts_nobody_goes_into_maintenance_at_once(proxy: str) -> None:
    way = leave("b 10.0.0.2:80 maxconn 9 backup", proxy=proxy)
    assert commands(way) == ["set server b/b state maint"]
    assert not way.leaving


def test_a_server_that_comes_back_while_it_waits_is_what_it_was() -> None:
    line = f"b 10.0.0.2:80 check {CUTS} weight 7"
    gone = leave(line)
    way = plan(text(A), text(A, line), in_maintenance=gone.in_maintenance, leaving=gone.leaving)
    assert commands(way) == ["enable health b/b", "set server b/b weight 7"]
    assert not way.leaving
    assert not way.in_maintenance


def test_one_that_waits_goes_on_waiting_while_others_come() -> None:
    gone = leave()
    waiting = {"in_maintenance": gone.in_maintenance, "leaving": gone.leaving}
    way = plan(text(A), text(A, "c 10.0.0.3:80"), **waiting)  # type: ignore[arg-type]  # of both
    assert way.leaving == gone.leaving


def test_a_server_that_is_disabled_while_it_may_have_sessions_needs_a_reload() -> None:
    line = f"b 10.0.0.2:80 {CUTS}"
    assert "cuts sessions" in reason(plan(text(A, line), text(A, f"{line} disabled")))
    assert commands(plan(text(f"{line} disabled"), text(line)))
    assert commands(plan(text(A, f"{line} disabled"), text(A))) == ["set server b/b state maint"]


UP = "on-marked-up shutdown-backup-sessions"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((A,), (A, f"c 10.0.0.3:80 {UP}")),
        ((f"c 10.0.0.3:80 disabled {UP}",), (f"c 10.0.0.3:80 {UP}",)),
        ((f"c 10.0.0.3:80 {UP}",), (f"c 10.0.0.4:80 {UP}",)),
    ],
)
def test_coming_up_cuts_no_backup_sessions(before: tuple[str, ...], after: tuple[str, ...]) -> None:
    spare = "d 10.0.0.9:80 backup"
    told = reason(plan(text(*before, spare), text(*after, spare), features=NEW))
    assert "cuts backup sessions" in told
    assert commands(plan(text(*before), text(*after), features=NEW))


def test_a_leave_is_gentle_to_backup_sessions_anyway() -> None:
    way = leave(f"b 10.0.0.2:80 {UP}", proxy="  option allbackups\n")
    assert commands(way) == ["set server b/b state maint"]


def test_bind_defaults_of_ssl_are_no_affair_of_servers() -> None:
    ssl = "b 10.0.0.2:443 ssl verify none"
    for words, how in (("bind-options no-sslv3", "runtime"), ("server-options x", "reload")):
        before, after = (
            text(*lines).replace("global\n", f"global\n  ssl-default-{words}\n")
            for lines in ((A,), (A, ssl))
        )
        assert plan(before, after).how == how


MOVED = "a 10.0.0.9:81 check"


@pytest.mark.parametrize(
    ("proxy", "server"),
    [
        *[(f"  http-reuse {mode}\n", "") for mode in ("never", "safe", "aggressive", "always")],
        ("  option http-server-close\n  option http-keep-alive\n", ""),
        ("  option http-server-close\n", " proto h2"),
    ],
)
def test_a_move_that_leaves_clients_at_the_old_address_needs_a_reload(
    proxy: str, server: str
) -> None:
    before, after = text(A + server, proxy=proxy), text(MOVED + server, proxy=proxy)
    assert "its old address" in reason(plan(before, after, features=OLDEST))
    assert plan(before, after, features=NEW).how == "runtime"


@pytest.mark.parametrize("proxy", ["  mode tcp\n", "  option http-server-close\n"])
def test_where_no_connection_is_kept_servers_move_at_run_time(proxy: str) -> None:
    way = plan(text(A, proxy=proxy), text(MOVED, proxy=proxy))
    assert way.how == "runtime", way.detail
    assert not way.quiet


def test_a_slot_that_is_out_of_service_is_filled_once_nothing_uses_it() -> None:
    way = plan(text(f"{A} disabled"), text(MOVED))
    assert way.how == "runtime", way.detail
    assert way.quiet == (("b", "a"),)


@pytest.mark.parametrize(
    ("version", "known"),
    [
        *(((2, 6, 22), False), ((2, 8, 24), False), ((2, 8, 25), True), ((3, 0, 11), True)),
        *(((3, 1, 5), False), ((3, 2, 0), True), ((3, 4, 7), True)),
    ],
)
def test_versions_that_look_connections_up_by_address(
    version: tuple[int, int, int], known: bool
) -> None:
    assert Features(version, wait=True).pools_by_address is known


def test_the_table_in_the_docs_is_the_code() -> None:
    rows = "".join(f"| {w.keyword} | {w.manual} | {w.way} | {w.why} |\n" for w in TABLE)
    assert rows in PAGE.read_text(), rows
