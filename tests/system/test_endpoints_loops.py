"""Two balancers that have each other as nodes: a loop ends at once, and an honest chain is none."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lbdisc.haproxy.sockets.socket import Runtime
from support.scene import Scene

HOPS = 5  # the default of jinja2.vars.hops


@contextmanager
def pair(folder: Path) -> Iterator[tuple[Scene, Scene]]:
    """Two balancers whose checks are a mere connect, as they are by default."""
    for name in "ab":
        (folder / name).mkdir()
    tcp = {"vars": {"check": ""}}
    with Scene(folder / "a", **tcp) as a, Scene(folder / "b", **tcp) as b:
        yield a, b


def start(*scenes: Scene) -> None:
    for scene in scenes:
        scene.agent()


def status(scene: Scene, **headers: str) -> int:
    request = urllib.request.Request(scene.url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def requests(scene: Scene) -> int:
    with Runtime(str(scene.state / "haproxy.sock")) as runtime:
        rows = [row for row in runtime.stats("localnodes") if row.kind == "frontend"]
    return int(rows[0].fields["req_tot"])


def test_a_loop_through_another_balancer_ends_at_once(tmp_path: Path) -> None:
    with pair(tmp_path) as (a, b):
        a.list("b", b.port)
        b.list("a", a.port)
        start(a, b)
        a.until_up("b")
        b.until_up("a")
        before = requests(a) + requests(b)
        assert [status(a) for _ in range(20)] == [508] * 20
        assert requests(a) + requests(b) - before == 20 * (HOPS + 1)


def test_an_honest_chain_of_balancers_serves(tmp_path: Path) -> None:
    with pair(tmp_path) as (a, b):
        a.list("b", b.port)
        b.join("app")
        start(a, b)
        a.until_up("b")
        b.until_up("app")
        assert [status(a) for _ in range(20)] == [200] * 20


def test_who_makes_up_hops_is_refused_alone(tmp_path: Path) -> None:
    with pair(tmp_path) as (a, _):
        a.join("app")
        start(a)
        a.until_up("app")
        assert status(a, **{"Lbdisc-Hop": "1,1,1,1,1,1"}) == 508
        assert status(a, **{"Lbdisc-Hop": "x", "Connection": "lbdisc-hop"}) == 200
        assert status(a) == 200
