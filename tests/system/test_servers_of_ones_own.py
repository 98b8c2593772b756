"""`server` lines of one's own beside those that are rendered, in one backend."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.waiting import eventually
from support.own_template import OWN_TEMPLATE
from support.scene import Scene, lost

OWN = """    server legacy 127.0.0.1:{port} check inter 1s weight 7
{{% for e in services[0].endpoints %}}
    server {{{{ e.name }}}} {{{{ e.host_port }}}} check inter 1s weight {{{{ e.weight }}}}
{{% endfor %}}
    server last 127.0.0.1:{port} backup
"""


@contextmanager
def mixed(folder: Path, **tables: Any) -> Iterator[Scene]:
    """A scene whose backend has `legacy`, the nodes, and `last`."""
    template = folder / "own.j2"
    its = {"template": str(template)}
    with Scene(folder, jinja2=its, haproxy={"settle_after": 0}, **tables) as scene:
        before, _, rest = OWN_TEMPLATE.partition("{% for e in")
        assert "endfor" in rest
        template.write_text(before + OWN.format(port=scene.app("old")))
        yield scene


def rows(scene: Scene) -> dict[str, tuple[str, int, int]]:
    """Where each server is, its weight and HAProxy's number for it."""
    with Runtime(str(scene.state / "haproxy.sock")) as runtime:
        return {
            row.server: (f"{row.address}:{row.port}", row.weight, row.id)
            for row in runtime.servers()
            if not row.in_maintenance
        }


def worker(scene: Scene) -> int:
    with Runtime(str(scene.state / "haproxy.sock")) as runtime:
        return runtime.info().pid


def seen(scene: Scene) -> dict[str, Any]:
    """What the status says of the servers of the service, once it does."""
    return dict((scene.status["servers"] or {}).get("nodes", {}))


def test_nodes_come_and_go_at_run_time_and_ones_own_stay(tmp_path: Path) -> None:
    with mixed(tmp_path) as scene:
        scene.join("s1")
        scene.agent()
        scene.until_up("legacy", "s1")
        own = {name: row for name, row in rows(scene).items() if name in ("legacy", "last")}
        pid = worker(scene)
        with scene.traffic() as traffic:
            scene.join("s2")
            eventually(lambda: "s2" in rows(scene), what="a node that joined")
            scene.unlist("s1")
            eventually(lambda: "s1" not in rows(scene), what="a node that left")
        assert lost(traffic) == []
        assert {name: rows(scene)[name] for name in own} == own
        assert worker(scene) == pid


def test_no_status_takes_ones_own_for_endpoints(tmp_path: Path) -> None:
    with mixed(tmp_path) as scene:
        scene.join("s1", "s2", "s3")
        scene.agent()
        scene.until_up("legacy", "s1", "s2", "s3")
        eventually(lambda: seen(scene).get("up") == 3, what="three of three")
        assert seen(scene)["servers"] == 3
        for name in ("s1", "s2", "s3"):
            scene.unlist(name)
        eventually(lambda: rows(scene).keys() == {"legacy", "last"}, what="only ones own")
        eventually(lambda: not seen(scene).get("servers"), what="no servers of endpoints")


def test_a_node_with_the_name_of_ones_own_is_left_out_alone(tmp_path: Path) -> None:
    with mixed(tmp_path) as scene:
        scene.join("s1")
        scene.agent()
        scene.list("legacy", scene.app("again"))
        scene.join("s2")
        scene.until_up("legacy", "s1", "s2")
        eventually(lambda: "legacy" in str(scene.status["problems"]), what="the node left out")
