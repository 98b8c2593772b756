"""Whom a cluster asks after a failure, and when it gives up. No server is needed."""

import threading
from collections.abc import Callable

import pytest

from lbdisc.errors import DiscoveryError, LbdiscError, RegistrarError, SettingsError, WriteRefused
from lbdisc_etcd import cluster
from lbdisc_etcd.cluster import Cluster
from lbdisc_etcd.failures import (
    Compacted,
    EtcdRefused,
    Failure,
    LeaseGone,
    MemberUnreachable,
    NoWrites,
    RefusedLogin,
    StaleLogin,
)
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_etcd.wire import Session

MEMBERS = ("a:1", "b:1", "c:1")
SETTINGS = EtcdSettings(endpoints=MEMBERS, shuffle=False)


class Asked:
    """Work that fails as ``fail`` says, and remembers whom it was to be done with."""

    def __init__(
        self,
        fail: Callable[[str], Failure],
        *,
        prove: bool = False,
        error: type[LbdiscError] = DiscoveryError,
    ) -> None:
        self.cluster = Cluster(SETTINGS, error=error, timeout=1.0)
        self.hosts: list[str] = []
        self.stop = threading.Event()
        self._fail = fail
        self._prove = prove

    def __call__(self, session: Session) -> None:
        host = session.member.host
        self.hosts.append(host)
        if self._prove:
            self.cluster.proven()
        raise self._fail(host)

    def run(self) -> LbdiscError:
        with pytest.raises(LbdiscError) as caught:
            self.cluster.run(self, self.stop)
        return caught.value


def test_every_member_is_asked_once_and_named() -> None:
    asked = Asked(lambda host: MemberUnreachable(f"no answer from {host}"))
    error = asked.run()
    assert asked.hosts == ["a", "b", "c"]
    assert isinstance(error, DiscoveryError)
    assert all(f"no answer from {host}" in str(error) for host in "abc")


def test_next_run_goes_on_with_the_next_member() -> None:
    asked = Asked(lambda host: MemberUnreachable("no"))
    asked.cluster.run(lambda session: None, asked.stop)
    asked.run()
    asked.run()
    assert asked.hosts == ["a", "b", "c", "a", "b", "c"]


def test_refused_login_asks_nobody_else() -> None:
    asked = Asked(lambda host: RefusedLogin("see etcd.password"))
    assert isinstance(asked.run(), SettingsError)
    assert asked.hosts == ["a"]


@pytest.mark.parametrize(
    ("good", "kind"), [("", SettingsError), ("b", DiscoveryError), ("abc", DiscoveryError)]
)
def test_refused_certificate_is_final_only_with_every_member(
    good: str, kind: type[LbdiscError]
) -> None:
    asked = Asked(
        lambda host: MemberUnreachable("down") if host in good else EtcdRefused("etcd.ca_file")
    )
    assert type(asked.run()) is kind
    assert asked.hosts == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("error", "told"), [(RegistrarError, WriteRefused), (DiscoveryError, DiscoveryError)]
)
def test_cluster_that_takes_no_writes_is_told_as_such(
    error: type[LbdiscError], told: type[LbdiscError]
) -> None:
    asked = Asked(lambda host: NoWrites("no space"), prove=True, error=error)
    assert type(asked.run()) is told
    assert asked.hosts == ["a"]


@pytest.mark.parametrize("kind", [StaleLogin, Compacted, LeaseGone])
def test_what_a_new_session_mends_is_tried_again_but_not_for_ever(kind: type[Failure]) -> None:
    asked = Asked(lambda host: kind("again"))
    assert isinstance(asked.run(), DiscoveryError)
    assert asked.hosts == ["a"] * (cluster.TRIES + 1) + ["b", "c"]


def test_sessions_that_keep_breaking_soon_are_not_tried_for_ever() -> None:
    asked = Asked(lambda host: MemberUnreachable("broken"), prove=True)
    assert isinstance(asked.run(), DiscoveryError)
    assert len(asked.hosts) == cluster.TRIES + len(MEMBERS)


def test_stop_ends_it_without_an_error() -> None:
    asked = Asked(lambda host: MemberUnreachable("closed"))

    def stopped(session: Session) -> None:
        asked.stop.set()
        asked(session)

    asked.cluster.run(stopped, asked.stop)
    assert asked.hosts == ["a"]


def test_session_is_kept_between_two_works_and_replaced_after_a_failure() -> None:
    asked = Asked(lambda host: MemberUnreachable("broken"))
    sessions: list[Session] = []
    with asked.cluster.open(asked.stop):
        asked.cluster.do(sessions.append)
        asked.cluster.do(sessions.append)
        with pytest.raises(DiscoveryError):
            asked.cluster.do(asked)
    assert sessions[0] is sessions[1]
    assert asked.hosts == ["a", "b", "c", "a"]  # a session that did its work may break once


def test_member_that_had_not_answered_at_the_stop_is_asked_last() -> None:
    asked = Asked(lambda host: MemberUnreachable("closed"))

    def stopped(session: Session) -> None:
        asked.stop.set()
        asked(session)

    asked.cluster.run(stopped, asked.stop)
    asked.stop.clear()
    asked.run()
    assert asked.hosts == ["a", "b", "c", "a"]
