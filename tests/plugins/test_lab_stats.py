"""HAProxy's own statistics, read from a real HAProxy over its socket and its page."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lbdisc.testing.processes import Process, free_port
from lbdisc.testing.waiting import eventually
from lbdisc_lab import stats
from lbdisc_lab.stats import StatsError

CONFIG = """
global
    stats socket {socket} level admin
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend site
    bind 127.0.0.1:{port}
    default_backend nodes
frontend page
    bind 127.0.0.1:{page}
    stats enable
    stats uri /
backend nodes
    server s1 127.0.0.1:{page} check inter 50ms
    server s2 127.0.0.1:{dead} check inter 50ms fall 1
    server s3 127.0.0.1:{page} disabled
    server s4 127.0.0.1:{page}
"""


class Balancer:
    """A running HAProxy."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "haproxy.sock"
        self.port, self.page, dead = free_port(), free_port(), free_port()
        config = folder / "haproxy.cfg"
        config.write_text(
            CONFIG.format(socket=self.socket, port=self.port, page=self.page, dead=dead)
        )
        self.process = Process(
            ["haproxy", "-f", config], log=folder / "haproxy.log", ready=self.socket.exists
        )

    @property
    def sources(self) -> list[Path | str]:
        return [self.socket, f"http://127.0.0.1:{self.page}/"]


@pytest.fixture(scope="module")
def balancer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balancer]:
    balancer = Balancer(tmp_path_factory.mktemp("haproxy"))
    with balancer.process:
        yield balancer


@pytest.mark.parametrize("source", [0, 1], ids=["socket", "page"])
def test_each_server_is_told_with_its_status(balancer: Balancer, source: int) -> None:
    def found() -> dict[str, str]:
        rows = stats.servers(stats.read(balancer.sources[source]), "nodes")
        return {name: row.status for name, row in rows.items()}

    wanted = {"s1": "UP", "s2": "DOWN", "s3": "MAINT", "s4": "no check"}
    eventually(lambda: found() == wanted)


@pytest.mark.parametrize("source", [0, 1], ids=["socket", "page"])
def test_proxies_stand_beside_their_servers(balancer: Balancer, source: int) -> None:
    rows = stats.read(balancer.sources[source])
    whole = {(row.proxy, row.server): row.status for row in rows if not row.is_server}
    assert whole[("site", "FRONTEND")] == "OPEN"
    assert whole[("nodes", "BACKEND")] == "UP"


def test_requests_are_counted_as_sessions(balancer: Balancer) -> None:
    def sessions() -> int:
        rows = stats.read(balancer.socket)
        return sum(row.sessions for row in stats.servers(rows, "nodes").values())

    before = sessions()
    for _ in range(3):
        assert httpx.get(f"http://127.0.0.1:{balancer.port}/", trust_env=False).is_success
    assert sessions() == before + 3


def test_only_a_checked_server_that_passes_is_up(balancer: Balancer) -> None:
    def up() -> list[str]:
        rows = stats.servers(stats.read(balancer.socket), "nodes")
        return [name for name, row in rows.items() if row.up]

    eventually(lambda: up() == ["s1"])


def test_the_version_is_told(balancer: Balancer) -> None:
    assert stats.version(balancer.socket)[0].isdigit()


def test_no_socket_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StatsError, match=r"^no answer from HAProxy at .*haproxy\.sock: .*$"):
        stats.read(tmp_path / "haproxy.sock")


def test_no_page_is_one_line() -> None:
    with pytest.raises(StatsError, match=r"^no statistics at http://127.0.0.1:\d+/;csv: .*$"):
        stats.read(f"http://127.0.0.1:{free_port()}/")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "127.0.0.1:1936", ""])
def test_only_http_addresses_are_pages(url: str) -> None:
    with pytest.raises(StatsError, match="is no stats page"):
        stats.from_page(url)


@pytest.mark.parametrize(
    "text",
    ["", "<html>", "Unknown command\n", "# pxname,svname\na,b\n", "# pxname,svname,status,stot\na"],
)
def test_what_is_no_statistics_is_refused(text: str) -> None:
    with pytest.raises(StatsError, match="statistics of"):
        stats.parse(text)
