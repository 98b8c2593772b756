"""Which names HAProxy asks for at its start, and who answers in time."""

import socket
from collections.abc import Iterator
from threading import Event

import pytest

from lbdisc.haproxy.language.text import parse
from lbdisc.haproxy.planning.lookups import host_name, named, without_names
from lbdisc.haproxy.process.lookups import Lookups
from lbdisc.testing.waiting import eventually


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("web.test:80", "web.test"),
        ("web:80", "web"),
        ("ipv4@web:80", "web"),
        ("10.0.0.1:80", ""),
        ("[::1]:80", ""),
        ("_web._tcp.test", ""),
        ("${HOST}:80", ""),
        ("/run/app.sock", ""),
    ],
)
def test_a_host_name_is_told_from_other_addresses(address: str, host: str) -> None:
    assert host_name(address) == host


@pytest.mark.parametrize(
    ("options", "asks", "must", "last"),
    [
        ("", True, True, True),
        ("init-addr libc,none", True, False, False),
        ("init-addr last,libc,127.0.0.1", True, False, True),
        ("init-addr last,none", False, False, True),
        ("init-addr none,libc", False, False, False),
        ("init-addr none init-addr last,libc", True, True, True),
    ],
)
def test_the_last_init_addr_says_who_is_asked(
    options: str, asks: bool, must: bool, last: bool
) -> None:
    [found] = named(parse(f"backend b\n server a web.test:80 {options}\n")).values()
    assert (found.asks, found.must, found.last) == (asks, must, last)


def test_default_servers_count_and_so_do_templates() -> None:
    text = "backend b\n default-server init-addr none\n server-template t 1-2 web.test:80\n"
    found = named(parse(text))
    assert list(found) == [("b", "t1"), ("b", "t2")]
    assert not any(its.asks or its.must for its in found.values())


def test_a_text_without_names_has_the_same_lines() -> None:
    text = """backend b
  server a web.test:80 check sni str(web.test) # web.test
  server "q" web.test:81
  server-template t 2 web.test:82 resolvers r
listen c
  bind :80
  server a web.test:83
  server i 10.0.0.1:84
  server s ipv6@web.test:85
"""
    spared = without_names(text, lambda proxy, host: (proxy, host) == ("b", "web.test"))
    assert spared == text.replace("server a web.test:80", "server a 192.0.2.1:80").replace(
        "t 2 web.test:82", "t 2 192.0.2.1:82"
    )


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """A resolver that says nothing until the event, but of the names that begin with `known`."""
    over = Event()

    def answer(name: str, *_: object, **__: object) -> list[object]:
        if not name.startswith("known"):
            over.wait(30)
        if name.startswith("unknown"):
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return []

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    yield over
    over.set()


def test_who_is_silent_is_told_and_may_answer_later(silence: Event) -> None:
    asking = Lookups()
    assert asking.unanswered(["known.test", "dark.test"], 0.2) == {"dark.test"}
    silence.set()
    eventually(lambda: not asking.unanswered(["known.test", "dark.test"], 0.2))


def test_that_there_is_no_such_name_is_an_answer(silence: Event) -> None:
    silence.set()
    assert Lookups().unanswered(["unknown.test"], 20) == frozenset()


def test_a_thousand_silent_names_take_no_longer_than_one(silence: Event) -> None:
    names = [f"dark{number}.test" for number in range(1000)]
    assert Lookups().unanswered(names, 0.1) == set(names)
