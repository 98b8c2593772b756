"""The servers' states against the file: which are kept over a reload, and what differs."""

import pytest

from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.kept_state import kept_state
from lbdisc.haproxy.language.text import Configuration, parse
from lbdisc.haproxy.sockets.rows import STATE_FIELDS, read_states
from lbdisc.haproxy.verify import differences

HEADER = (
    f"1\n# {' '.join(STATE_FIELDS)} srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n"
)


def row(
    name: str = "a",
    address: str = "10.0.0.1",
    port: int = 80,
    *,
    admin: int = 0,
    weight: int = 1,
    initial: int = 1,
    check: int = 6,
    proxy: str = "b",
) -> str:
    state = f"2 {admin} {weight} {initial} 9 6 3 4 {check} 0 0 0"
    return f"3 {proxy} 1 {name} {address} {state} - {port} - 0 0 - - 0\n"


def config(*servers: str) -> Configuration:
    return parse("backend b\n" + "".join(f"  server {server}\n" for server in servers))


A = config("a 10.0.0.1:80 check")


def kept(dump: str, running: Configuration = A, candidate: Configuration = A) -> str:
    text = kept_state(HEADER + dump, running, candidate)
    assert text.startswith(HEADER)
    return text.removeprefix(HEADER)


def test_the_line_of_an_unchanged_server_is_kept_as_it_is() -> None:
    assert kept(row()) == row()


def test_where_checks_go_to_is_for_the_file_to_say() -> None:
    elsewhere = row().replace("0 0 - - 0\n", "0 81 10.0.0.5 10.0.0.6 81\n")
    assert elsewhere != row() == kept(elsewhere)


@pytest.mark.parametrize(
    ("running", "candidate"),
    [
        (A, config()),
        (config(), A),
        (A, config("a 10.0.0.2:80 check")),
        (A, config("a 10.0.0.1:81 check")),
        (config("a 10.0.0.1:81 check"), A),
        (A, config("a 10.0.0.1:80 check disabled")),
        (config("a 10.0.0.1:80 check disabled"), A),
    ],
)
def test_a_server_that_changed_starts_anew(
    running: Configuration, candidate: Configuration
) -> None:
    assert kept(row(), running, candidate) == ""


@pytest.mark.parametrize(
    "line",
    [row(port=81), row(address="10.0.0.9"), row(admin=1), row(admin=8), row(name="z")],
)
def test_what_was_done_by_hand_does_not_come_back(line: str) -> None:
    assert kept(line) == ""


def test_the_weight_is_that_of_the_new_file() -> None:
    heavier = config("a 10.0.0.1:80 check weight 50")
    assert kept(row(weight=7, initial=50), heavier, heavier) == row(weight=50, initial=50)
    assert kept(row(weight=1, initial=1), A, heavier) == row(weight=50, initial=50)


def test_a_server_that_is_not_understood_is_kept_while_it_stays() -> None:
    odd = config("a 10.0.0.1:80 brand-new 1")
    assert kept(row(weight=9), odd, odd) == row(weight=9, initial=9)
    assert kept(row(), odd, A) == ""


def test_a_resolved_host_name_keeps_its_state() -> None:
    named = config("a host.example:80 check")
    assert kept(row(address="10.9.9.9"), named, named) == row(address="10.9.9.9")


def test_a_name_that_was_typed_does_not_come_back() -> None:
    named = config("a host.example:80 check")
    typed = row(address="10.9.9.9", admin=0x40).replace("0 0 0 - 80", "0 0 0 other.example 80")
    assert kept(typed, named, named) == ""


@pytest.mark.parametrize("numbers", ["2", "1-2", "02"])
def test_servers_of_a_template_keep_their_state(numbers: str) -> None:
    of_template = parse(f"backend b\n  server-template t {numbers} host.example:80 check\n")
    both = row("t1", "10.9.9.1") + row("t2", "10.9.9.2")
    assert kept(both + row("t3", "10.9.9.3"), of_template, of_template) == both


def test_another_format_is_refused() -> None:
    with pytest.raises(HaproxyError, match="of format 1"):
        kept_state("Unknown command", A, A)


def differing(*rows: str, candidate: Configuration = A) -> list[str]:
    found = differences(candidate, read_states(HEADER + "".join(rows)))
    return [f"{name} {what}" for name, what in found]


def test_equal_servers_do_not_differ() -> None:
    assert differing(row()) == []
    assert differing(row(), row("gone", admin=1)) == []
    assert differing(row(admin=5), candidate=config("a 10.0.0.1:80 check disabled")) == []
    assert differing(row(admin=4)) == []  # disabled in the file once, made ready since
    assert differing(row(check=0), candidate=config("a 10.0.0.1:80")) == []


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ((), "b/a is missing"),
        ((row(address="10.0.0.2"),), "b/a is at 10.0.0.2:80 instead of 10.0.0.1:80"),
        ((row(port=81),), "b/a is at 10.0.0.1:81 instead of 10.0.0.1:80"),
        ((row(weight=5),), "b/a has weight 5 instead of 1"),
        ((row(admin=1),), "b/a is in maintenance"),
        ((row(admin=8),), "b/a drains"),
        ((row(check=2),), "b/a is not checked"),
        ((row(), row("x")), "b/x serves, but is not in the file"),
    ],
)
def test_each_difference_is_named(rows: tuple[str, ...], what: str) -> None:
    assert differing(*rows) == [what]


def test_servers_of_a_template_are_no_strangers() -> None:
    candidate = parse("backend b\n  server-template t 2 10.0.0.1:80\n")
    assert differing(row("t1"), row("t2"), candidate=candidate) == []
    [(where, what)] = differences(candidate, read_states(HEADER + row("t1") + row("t3")))
    assert (where, what) == ("b/t3", "serves, but is not in the file")
    unknown = parse('backend b\n  server-template t "${N}" 10.0.0.1:80\n')
    assert differing(row("t9"), candidate=unknown) == []


@pytest.mark.parametrize(
    ("server", "dump"),
    [
        ("a nowhere.example:80 init-addr none", row(address="-", admin=0x20, check=0)),
        ("a 10.0.0.1:+10", row(port=10, check=0)),
        ("a _http._tcp.example resolvers r", row(port=8080, check=0)),
    ],
)
def test_what_haproxy_finds_out_by_itself_is_no_difference(server: str, dump: str) -> None:
    assert differences(config(server), read_states(HEADER + dump)) == ()


def test_a_name_in_forced_maintenance_is_a_difference() -> None:
    dump = row(address="-", admin=0x21, check=0)
    [(_, what)] = differences(config("a nowhere.example:80"), read_states(HEADER + dump))
    assert what == "is in maintenance"
