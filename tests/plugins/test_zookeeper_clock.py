"""The leader's clock, by what a real ZooKeeper dates: an agent's node, and an entry of our own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import pytest

from lbdisc.abilities import Examines
from lbdisc.doctor import writing
from lbdisc.examining import Diagnosis
from lbdisc.fleet import Digest
from lbdisc.handshake import AGENTS, Announcement
from lbdisc.testing.offers import make_discovery, make_registrar
from lbdisc_lab.servers import zookeeper
from support.clocks import HOUR

ZooKeeper = zookeeper.ZooKeeperEnsemble


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZooKeeper]:
    with zookeeper.start(tmp_path_factory.mktemp("clock")) as registry:
        yield registry


@contextmanager
def announced(ensemble: ZooKeeper, name: str, *, ahead: float = 0.0) -> Iterator[None]:
    """An agent's entry, written now by an agent whose clock is ahead by so many seconds."""
    since = int(time.time() + ahead)
    digest = Digest(listed="l", settings="s", version="v", since=since)
    entry = Announcement(name=name, digest=digest).endpoint("127.0.0.1")
    registrar = make_registrar("zookeeper", ensemble.settings)
    with registrar.open(entry, Event()) as held:
        assert held.put(entry)
        yield
        held.remove()


def clock(ensemble: ZooKeeper, name: str) -> Diagnosis:
    """What the agent of that name finds."""
    discovery = make_discovery("zookeeper", ensemble.settings)
    assert isinstance(discovery, Examines)
    [look] = [each for each in discovery.examine([(AGENTS, name)]) if each.what == "clock"]
    [found] = look.look()
    return found


def test_without_an_agent_nothing_is_known_and_who_can_tell_is_said(ensemble: ZooKeeper) -> None:
    found = clock(ensemble, "lb1")
    assert found.word == "ok"
    assert "is not compared: no agent is announced; `lbdisc doctor --write`" in found.text


def test_an_agent_with_the_leaders_clock_is_well(ensemble: ZooKeeper) -> None:
    with announced(ensemble, "lb1"):
        found = clock(ensemble, "lb1")
    assert (found.word, "at most" in found.text) == ("ok", True)
    assert "sessions do not depend on it" in found.text


def test_a_leader_an_hour_behind_the_agent_is_warned_of(
    ensemble: ZooKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    with announced(ensemble, "lb1", ahead=HOUR):
        now = time.time()
        monkeypatch.setattr("lbdisc_zookeeper.clock.time.time", lambda: now + HOUR)
        found = clock(ensemble, "lb1")
    assert (found.word, "behind this machine's" in found.text) == ("warn", True)
    assert "NTP" in found.remedy


def test_a_clock_that_was_set_since_the_agent_came_tells_nothing(ensemble: ZooKeeper) -> None:
    with announced(ensemble, "lb1", ahead=HOUR):
        found = clock(ensemble, "lb1")
    assert (found.word, "is not compared: a clock was set" in found.text) == ("ok", True)


def test_a_leader_ahead_of_us_is_warned_of_by_anybodys_node(
    ensemble: ZooKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    with announced(ensemble, "lb2"):
        now = time.time()
        monkeypatch.setattr("lbdisc_zookeeper.clock.time.time", lambda: now - HOUR)
        found = clock(ensemble, "lb1")
    assert (found.word, "ahead of this machine's" in found.text) == ("warn", True)


def test_of_another_agents_clock_nothing_is_taken_for_ours(ensemble: ZooKeeper) -> None:
    with announced(ensemble, "lb2", ahead=HOUR):
        assert clock(ensemble, "lb1").word == "ok"


def test_an_entry_of_our_own_tells_for_certain(
    ensemble: ZooKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    discovery = make_discovery("zookeeper", ensemble.settings)
    registrar = make_registrar("zookeeper", ensemble.settings)
    now = time.time()
    monkeypatch.setattr("lbdisc.doctor.writing.time.time", lambda: now - HOUR)
    found = [*writing.written(registrar, discovery, "lb1")]
    [said] = [one for one in found if "clock" in one.text]
    assert (said.word, "ahead of this machine's" in said.text) == ("warn", True)
