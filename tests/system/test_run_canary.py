"""A canary's share is changed while `lbdisc run` serves: weights change, nothing is reloaded."""

import signal
from functools import partial
from pathlib import Path
from typing import Any

from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.waiting import eventually
from support.scene import Scene, lost


def weights(scene: Scene) -> dict[str, int]:
    with Runtime(str(scene.state / "haproxy.sock")) as runtime:
        return {row.server: row.weight for row in runtime.servers() if not row.in_maintenance}


def has(scene: Scene, weight: int) -> bool:
    return weights(scene)["new"] == weight


def shares(percent: int) -> dict[str, Any]:
    canary = {"tag": "version=2", "share": percent}
    return {"jinja2.vars.services.nodes.canary": canary, "haproxy": {"settle_after": 0}}


def test_a_ramp_needs_no_reload(tmp_path: Path) -> None:
    with Scene(tmp_path, **shares(1)) as scene:
        scene.join("s1", "s2")
        agent = scene.agent()
        scene.list("new", scene.app("new"), tags={"version": "2"})
        scene.until_up("s1", "s2", "new")
        assert weights(scene) == {"s1": 100, "s2": 100, "new": 2}
        with Runtime(str(scene.state / "haproxy.sock")) as runtime:
            worker = runtime.info().pid
        with scene.traffic() as traffic:
            for percent, weight in ((5, 11), (50, 200), (0, 0)):
                scene.write_settings(**shares(percent))
                agent.send(signal.SIGHUP)
                eventually(partial(has, scene, weight), what=f"a weight of {weight}")
        assert lost(traffic) == []
        with Runtime(str(scene.state / "haproxy.sock")) as runtime:
            assert runtime.info().pid == worker
