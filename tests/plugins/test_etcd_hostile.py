"""A server that is broken or hostile: bounded, one line, back-off, and what was known stays."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_lab.servers.etcd.roles import PATIENCE, EtcdHolding, EtcdWatching, settings_of
from support.hostile_etcd import (
    GOOD,
    HostileEtcd,
    Watch,
    created,
    good_range,
    header,
    kv,
    ranged,
    rpc,
    silence,
    told,
)

LINE = 600  # characters of an error
ENDPOINT = Endpoint(service="web", name="a", address="10.0.0.7", port=3000)


@pytest.fixture
def server() -> Iterator[HostileEtcd]:
    with HostileEtcd() as server:
        yield server


def settings_for(server: HostileEtcd, **changes: object) -> EtcdSettings:
    return settings_of({"etcd.endpoints": [f"127.0.0.1:{server.port}"]}, **changes)


def unending(request: Any) -> Any:
    """Pages that never reach an end, each of as many keys as were asked for."""
    first = int(request.key.rpartition(b"x")[2].strip(b"\0") or b"0") if b"x" in request.key else 0
    keys = (b"/lbdisc/web/x%09d" % n for n in range(first + 1, first + 1 + request.limit))
    return ranged(*(kv(key, b"x") for key in keys), more=True)


PAGES: dict[str, Callable[[Any], Any]] = {
    "more without records": lambda _: ranged(more=True),
    "the same page again and again": lambda _: ranged(kv(), more=True),
    "keys of others": lambda _: ranged(kv(b"/other/web/a")),
    "keys out of order": lambda _: ranged(kv(b"/lbdisc/web/b"), kv(b"/lbdisc/web/a")),
    "one key twice": lambda _: ranged(kv(), kv()),
    "more than was asked for": lambda r: ranged(
        *(kv(b"/lbdisc/web/%06d" % n) for n in range(r.limit + 1))
    ),
    "no end": unending,
    "another cluster for each page": lambda r: ranged(
        kv(b"/lbdisc/web/a" if r.key < GOOD else b"/lbdisc/web/b"),
        more=r.key < GOOD,
        cluster=8 if r.key < GOOD else 9,
    ),
    "no message": lambda _: b"\xff\xff\xff\xff",
    "a text where a number belongs": lambda _: b"\x0a\x03\x0a\x01x",
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("kind", PAGES)
def test_pages_of_nonsense_are_one_failure_and_what_was_known_stays(
    server: HostileEtcd, kind: str, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.setattr("lbdisc_etcd.reading.MOST", 5000)
    with EtcdWatching(settings_for(server)) as watching:
        watching.shows("web/a")
        server.range = PAGES[kind]
        server.drop()
        error = str(watching.failed(deadline=PATIENCE))
        assert "\n" not in error
        assert len(error) < LINE
        assert watching.shows("web/a").problems == ()
    assert "Traceback" not in capfd.readouterr().err


def broken(kind: str) -> Watch:
    def watch(requests: Iterator[Any]) -> Iterator[Any]:
        next(requests)
        yield from WATCHES[kind]()
        yield from silence(requests)

    return watch


WATCHES: dict[str, Callable[[], Iterator[Any]]] = {
    "news before it began": lambda: iter([told(kv())]),
    "begun twice": lambda: iter([created(), created()]),
    "canceled at once": lambda: iter([rpc.WatchResponse(created=True, canceled=True)]),
    "canceled with a long reason": lambda: iter(
        [created(), rpc.WatchResponse(canceled=True, cancel_reason="x\n" * 5000)]
    ),
    "another cluster": lambda: iter([created(), told(kv(), cluster=99)]),
    "no message": lambda: iter([created(), b"\xff\xff\xff\xff"]),
    "a revision without end": lambda: itertools.chain(
        [created()],
        (told(kv(value=b"x" * 60_000), fragment=True) for _ in itertools.count()),
    ),
}


@pytest.mark.parametrize("kind", [kind for kind in WATCHES if kind != "a revision without end"])
def test_watches_of_nonsense_are_left_and_paced(server: HostileEtcd, kind: str, capfd: Any) -> None:
    with EtcdWatching(settings_for(server)) as watching:
        watching.shows("web/a")
        server.watch = broken(kind)
        server.drop()
        error = str(watching.failed(deadline=PATIENCE))
        assert "\n" not in error
        assert len(error) < LINE
        assert watching.shows("web/a").problems == ()
    assert "Traceback" not in capfd.readouterr().err


def test_revision_that_never_ends_is_read_instead(server: HostileEtcd) -> None:
    with EtcdWatching(settings_for(server)) as watching:
        watching.shows("web/a")
        server.watch = broken("a revision without end")
        server.range = lambda _: ranged(kv(b"/lbdisc/web/b", revision=9), revision=9)
        server.drop()
        watching.shows("web/b")
        before, calls = server.ranges, watching.calls  # others while it was not there
        eventually(lambda: server.ranges > before + 1, deadline=PATIENCE)
        assert watching.calls == calls


def test_events_of_other_keys_and_of_the_past_are_passed_over(server: HostileEtcd) -> None:
    def watch(requests: Iterator[Any]) -> Iterator[Any]:
        next(requests)
        yield created()
        yield told(kv(b"/lbdisc2/web/x", revision=6))
        yield told(kv(b"/lbdisc/web/old", revision=3))
        yield told(kv(b"/lbdisc/web/b", revision=7), revision=7)
        yield from silence(requests)

    server.watch = watch
    with EtcdWatching(settings_for(server)) as watching:
        watching.shows("web/a", "web/b")


def test_token_that_is_none_is_refused(server: HostileEtcd) -> None:
    server.others["Authenticate"] = lambda _: rpc.AuthenticateResponse(token="x" * 1_000_000)
    with EtcdWatching(settings_for(server, user="u", password="p")) as watching:
        error = str(watching.failed(deadline=PATIENCE))
        assert "answers what was not asked" in error
        assert len(error) < LINE


TRANSACTIONS: dict[str, Callable[[Any], Any]] = {
    "no word of what is there": lambda _: rpc.TxnResponse(header=header()),
    "another key": lambda _: rpc.TxnResponse(
        header=header(),
        responses=[rpc.ResponseOp(response_range=ranged(kv(b"/lbdisc/web/z")))],
    ),
    "no message": lambda _: b"\xff\xff\xff\xff",
}


@pytest.mark.parametrize("kind", TRANSACTIONS)
def test_registrar_is_not_stopped_and_writes_nowhere_else(server: HostileEtcd, kind: str) -> None:
    written = []

    def transaction(request: Any) -> Any:
        written.append(request.success[0].request_put.key)
        return TRANSACTIONS[kind](request)

    server.range = lambda _: ranged()
    server.others["Txn"] = transaction
    server.others["LeaseGrant"] = lambda r: rpc.LeaseGrantResponse(ID=r.ID, TTL=r.TTL)
    server.others["LeaseRevoke"] = lambda _: rpc.LeaseRevokeResponse()
    with EtcdHolding(settings_for(server), ENDPOINT) as holding:
        assert len(str(holding.failed(deadline=PATIENCE))) < LINE
        server.others["Txn"] = lambda _: rpc.TxnResponse(header=header(), succeeded=True)
        holding.held(deadline=PATIENCE)
    assert set(written) == {GOOD}


def test_registrar_takes_no_other_key_for_its_own(server: HostileEtcd) -> None:
    server.range = lambda _: ranged(kv(b"/lbdisc/web/other"))
    with EtcdHolding(settings_for(server), ENDPOINT) as holding:
        assert "not asked" in str(holding.failed(deadline=PATIENCE))
        server.range = good_range
        eventually(lambda: holding.rival, deadline=PATIENCE)
