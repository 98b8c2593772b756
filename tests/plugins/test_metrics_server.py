"""Who asks for metrics: in HTTP, at any pace, with a token or without, over TLS."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from pydantic import SecretStr

from lbdisc import events
from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from lbdisc_metrics import serving
from lbdisc_metrics.asking import ScrapeReply
from lbdisc_metrics.health import Health
from lbdisc_metrics.listener import MetricsListener
from lbdisc_metrics.measuring import OPEN, TEXT, Measured
from lbdisc_metrics.serving import MetricsServer
from lbdisc_metrics.settings import Door, MetricsSettings
from support.scraping import samples


def started(folder: Path, program: str = "run") -> events.ProgramStarted:
    return events.ProgramStarted(
        program=program, version="1.2.3", backend="file", state_dir=str(folder)
    )


@contextmanager
def served(folder: Path, **settings: Any) -> Iterator[tuple[str, MetricsListener]]:
    """A listener that has heard of a start; its URL without a path."""
    port = free_port()
    listener = MetricsListener(MetricsSettings(bind=str(port), services=("nodes",), **settings))
    listener.hear(started(folder))
    try:
        eventually(lambda: _accepts(port))
        yield f"http://127.0.0.1:{port}", listener
    finally:
        listener.close()


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def said(url: str, sent: bytes) -> bytes:
    """All that is answered to ``sent``."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(sent)
        answer = b""
        while found := connection.recv(65536):
            answer += found
        return answer


def test_the_text_is_what_was_asked_for(tmp_path: Path) -> None:
    with served(tmp_path) as (url, _):
        plain = httpx.get(f"{url}/metrics")
        assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        build = 'lbdisc_build_info{backend="file",program="run",version="1.2.3"}'
        assert samples(plain.text)[build] == 1
        accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
        opened = httpx.get(f"{url}/metrics", headers={"Accept": accept})
        assert opened.headers["content-type"].startswith("application/openmetrics-text")
        families = text_string_to_metric_families(opened.text)  # type: ignore[no-untyped-call]  # has no types
        assert "lbdisc_build" in [family.name for family in families]


def test_readiness_comes_with_the_first_generation_and_ends_with_the_word_to_stop(
    tmp_path: Path,
) -> None:
    with served(tmp_path) as (url, listener):
        answer = httpx.get(f"{url}/readyz")
        assert (answer.status_code, answer.text) == (503, "nothing runs yet\n")
        listener.hear(events.GenerationApplied(generation=1, digest="x", how="start"))
        assert httpx.get(f"{url}/readyz").text == "ok\n"
        listener.hear(events.ProgramStopping(program="run", why="SIGTERM"))
        answer = httpx.get(f"{url}/readyz")
        assert (answer.status_code, answer.text) == (503, "stopping: SIGTERM\n")


def test_an_agent_without_heartbeats_or_whose_loop_does_not_turn_is_not_alive(
    tmp_path: Path,
) -> None:
    now = 0.0
    began = events.ProgramStarted(
        program="run", version="1", backend="file", state_dir=str(tmp_path), monotonic_s=0.0
    )
    health = Health(began, lambda: now)
    assert health.alive == ""
    now = 20.0
    assert health.alive == "no heartbeat for 20 s"
    (tmp_path / "heartbeat").write_text('{"monotonic_s": 60.0, "turned_s": 9.0}')
    now = 61.0
    assert health.alive == "the agent's loop has not turned for 52 s"
    (tmp_path / "heartbeat").write_text('{"monotonic_s": 60.0, "turned_s": 59.0}')
    assert health.alive == ""


def test_life_is_told_at_livez(tmp_path: Path) -> None:
    with served(tmp_path) as (url, _):
        assert httpx.get(f"{url}/livez").text == "ok\n"


def test_without_the_token_only_the_word_is_told(tmp_path: Path) -> None:
    with served(tmp_path, token=SecretStr("geheim")) as (url, _):
        for wrong in ("", "Bearer", "Bearer geheimX", "Bearer gehei", "Basic geheim", "Bearer é"):
            headers = {b"Authorization": wrong.encode()}
            answer = httpx.get(f"{url}/metrics", headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "lbdisc" not in answer.text
            assert httpx.get(f"{url}/readyz", headers=headers).text == "not ok\n"
        right = {"Authorization": "bearer geheim"}
        found = httpx.get(f"{url}/metrics", headers=right)
        assert found.status_code == 200
        assert "geheim" not in found.text
        assert httpx.get(f"{url}/readyz", headers=right).text == "nothing runs yet\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"200"),
        (b"GET /metrics?name=x HTTP/1.0\r\n\r\n", b"200"),
        (b"POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"405"),
        (b"GET /etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"GET http://x/metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nHost : x\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"y" * 300_000, b"431"),
    ],
    ids=["other-host", "query", "post", "elsewhere", "proxy", "odd-header", "tls", "huge"],
)
def test_odd_requests_get_one_short_answer(tmp_path: Path, sent: bytes, status: bytes) -> None:
    with served(tmp_path) as (url, _):
        assert said(url, sent).startswith(b"HTTP/1.1 " + status)
        assert httpx.get(f"{url}/metrics").status_code == 200


def test_a_head_has_the_length_and_no_text(tmp_path: Path) -> None:
    with served(tmp_path) as (url, _):
        answer = said(url, b"HEAD /livez HTTP/1.1\r\n\r\n")
        assert b"Content-Length: 3\r\n" in answer
        assert answer.endswith(b"\r\n\r\n")


def test_slow_clients_take_no_thread_and_hinder_nobody(tmp_path: Path) -> None:
    with served(tmp_path) as (url, _), ExitStack() as stack:
        threads = threading.active_count()
        host, _, port = url.removeprefix("http://").rpartition(":")
        slow = [
            stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
            for _ in range(100)
        ]
        for one in slow:
            one.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
        assert httpx.get(f"{url}/metrics").status_code == 200
        assert threading.active_count() <= threads + 1
        assert [one.recv(1) for one in slow] == [b""] * 100  # in the end each is sent away


def test_of_too_many_the_longest_known_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "MOST", 3)
    monkeypatch.setattr(serving, "PATIENCE", 60.0)
    with served(tmp_path) as (url, _), ExitStack() as stack:
        host, _, port = url.removeprefix("http://").rpartition(":")
        held = []
        for _ in range(4):
            held.append(stack.enter_context(socket.create_connection((host, int(port)), 30)))
            held[-1].sendall(b"GET ")
            time.sleep(0.05)  # so that they come in this order
        assert held[0].recv(1) == b""
        assert httpx.get(f"{url}/livez").status_code == 200


def test_a_reader_that_never_reads_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "PATIENCE", 0.5)
    port = free_port()
    server = MetricsServer(
        Door("127.0.0.1", port), lambda asked: ScrapeReply(HTTPStatus.OK, b"x" * 9**8)
    )
    server.start()
    eventually(lambda: _accepts(port))
    with socket.create_connection(("127.0.0.1", port), 30) as one:
        one.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        eventually(lambda: server.open > 0)
        eventually(lambda: not server.open)
    server.close()


def test_scrapes_without_end_are_given_one_text_for_a_moment(tmp_path: Path) -> None:
    now = 0.0
    measured = Measured(started(tmp_path), ("nodes",), lambda: now)
    first = measured.text(TEXT)
    for _ in range(100):
        assert measured.text(TEXT) is first
    assert measured.text(OPEN) is not first
    now = 0.3
    assert measured.text(TEXT) is not first


def test_four_that_scrape_every_10_ms_are_all_served(tmp_path: Path) -> None:
    with served(tmp_path) as (url, _):
        codes: list[int] = []

        def scrape() -> None:
            with httpx.Client() as client:
                for _ in range(50):
                    codes.append(client.get(f"{url}/metrics").status_code)
                    time.sleep(0.01)

        threads = [threading.Thread(target=scrape) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert codes == [200] * 200


def test_a_port_that_is_taken_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "FIRST", 0.05)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        listener = MetricsListener(MetricsSettings(bind=str(port)))
        listener.hear(started(tmp_path))
        listener.hear(events.GenerationApplied(generation=1, digest="x", how="start"))
        time.sleep(0.2)  # some tries fail
    try:
        eventually(lambda: _accepts(port))
        assert httpx.get(f"http://127.0.0.1:{port}/readyz").text == "ok\n"
    finally:
        listener.close()


def test_a_listener_that_closes_leaves_no_thread(tmp_path: Path) -> None:
    with served(tmp_path) as (url, _):
        assert httpx.get(f"{url}/livez").status_code == 200
    assert not [t for t in threading.enumerate() if t.name == "lbdisc-metrics"]


def test_tls_with_the_certificate_of_the_settings(tmp_path: Path) -> None:
    authority = trustme.CA()
    chain = tmp_path / "chain.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(chain))
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with served(tmp_path, tls_cert=chain) as (url, _):
        secure = url.replace("http://127.0.0.1", "https://localhost")
        assert httpx.get(f"{secure}/livez", verify=trust).text == "ok\n"
        try:
            answer = said(url, b"GET /metrics HTTP/1.1\r\n\r\n")
        except ConnectionError:
            answer = b""
        assert not answer.startswith(b"HTTP")
