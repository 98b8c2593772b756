"""A member's clock, by the date of what a real etcd answers, and by one that tells it late."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from lbdisc_etcd.clock import clock_of
from lbdisc_etcd.settings import EtcdMember
from lbdisc_lab.servers.etcd import EtcdCluster, start
from lbdisc_lab.servers.etcd.roles import settings_of
from support.clocks import HOUR, SetClock
from support.scene import LBDISC


@pytest.fixture(scope="module", params=[False, True], ids=["http", "tls and login"])
def registry(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EtcdCluster]:
    with start(tmp_path_factory.mktemp("clock"), tls=request.param, auth=request.param) as found:
        yield found


def told(registry: EtcdCluster) -> tuple[str, str]:
    settings = settings_of(registry.settings)
    found = clock_of(settings.members[0], settings, patience=5.0)
    return found.word, found.text


def test_a_real_member_on_the_same_machine_has_the_same_clock(registry: EtcdCluster) -> None:
    word, text = told(registry)
    assert (word, text.startswith("its clock is at most ")) == ("ok", True)
    assert "leases do not depend on it" in text


@pytest.mark.parametrize(("ahead", "words"), [(HOUR, "behind"), (-HOUR, "ahead of")])
def test_the_doctor_warns_where_the_clocks_are_an_hour_apart(
    tmp_path: Path, ahead: int, words: str
) -> None:
    clock = SetClock(tmp_path)
    clock.set(ahead)
    with start(tmp_path / "etcd") as registry:
        said = doctor(tmp_path, registry.servers[0].client_port, clock.environment)
    [found] = [one for one in said if one["word"] == "warn"]
    assert f"{words} this machine's" in found["text"]
    assert "NTP" in found["remedy"]
    assert not [one for one in said if one["word"] == "fail"]


def doctor(folder: Path, port: int, environment: Mapping[str, str]) -> list[dict[str, str]]:
    """What `lbdisc doctor --check etcd` finds, with that in its environment."""
    own = {"etcd.endpoints": f"127.0.0.1:{port}", "state_dir": folder / "state"}
    words = [word for key, value in own.items() for word in ("--set", f"{key}={value}")]
    command = ["env", *(f"{key}={value}" for key, value in environment.items())]
    command += [LBDISC, "doctor", "--json", "--backend", "etcd", "--check", "etcd", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout, done.stderr
    return [one for one in json.loads(done.stdout)["findings"] if one["check"] == "etcd"]


@contextmanager
def dated(date: str | None, after: float = 0.0) -> Iterator[EtcdMember]:
    """A server that answers with that date, and takes a while."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(after)
            self.send_response_only(200)
            if date is not None:
                self.send_header("Date", date)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield EtcdMember("127.0.0.1", server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("date", [None, "", "yesterday", "Mon, 99 Foo 2026 99:99:99 GMT"])
def test_where_no_time_is_told_that_is_no_fault(date: str | None) -> None:
    with dated(date) as member:
        found = clock_of(member, settings_of({}), patience=5.0)
    assert (found.word, "its clock is not compared" in found.text) == ("ok", True)


def test_a_member_that_is_slow_does_not_look_skewed() -> None:
    with dated(formatdate(time.time(), usegmt=True), after=3.5) as member:
        assert clock_of(member, settings_of({}), patience=30.0).word == "ok"
    with dated(formatdate(time.time() - 60, usegmt=True), after=0.5) as member:
        assert clock_of(member, settings_of({}), patience=30.0).word == "warn"


def test_a_port_where_nobody_speaks_http_tells_no_time(tmp_path: Path) -> None:
    with dated(None) as member:
        gone = EtcdMember(member.host, member.port)
    found = clock_of(gone, settings_of({}), patience=1.0)
    assert (found.word, "no time over HTTP" in found.text) == ("ok", True)
