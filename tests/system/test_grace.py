"""A HAProxy that is about to stop: its readiness fails first, and it serves on for a while."""

import signal
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from lbdisc.haproxy.sockets.master import Master
from lbdisc.testing.waiting import eventually
from support.scene import Scene, lost

STAYS = {"on_stop": "stop", "grace": 3}


def readiness(port: int) -> int:
    """The status of HAProxy's own word, 0 where nobody answers."""
    try:
        return int(urlopen(f"http://127.0.0.1:{port}/ready", timeout=5).status)
    except HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_its_readiness_fails_while_it_still_serves(tmp_path: Path) -> None:
    with Scene(tmp_path, haproxy=STAYS, vars={"ready_uri": "/ready"}) as scene:
        scene.join("s1")
        agent = scene.agent()
        scene.until_up("s1")
        assert [readiness(scene.port), readiness(scene.stats_port)] == [200, 200]
        with scene.traffic() as traffic:
            agent.send(signal.SIGTERM)
            eventually(lambda: readiness(scene.port) == 503, what="not ready")
            assert readiness(scene.stats_port) == 503
            at = traffic.counts().served
            eventually(lambda: traffic.counts().served > at + 50, what="served on")
        assert lost(traffic) == []
        assert agent.wait() == 0
        assert readiness(scene.port) == 0


def test_changes_are_followed_and_a_new_worker_is_told_until_the_end(tmp_path: Path) -> None:
    with Scene(tmp_path, haproxy={**STAYS, "grace": 30}, vars={"ready_uri": "/ready"}) as scene:
        scene.join("s1")
        agent = scene.agent()
        scene.until_up("s1")
        agent.send(signal.SIGTERM)
        eventually(lambda: readiness(scene.port) == 503, what="not ready")
        Master(scene.state / "master.sock").reload()
        scene.join("s2")
        scene.until_up("s1", "s2")
        eventually(lambda: readiness(scene.port) == 503, what="the new worker not ready")
        agent.send(signal.SIGTERM)
        assert agent.wait() == 0


def test_without_a_readiness_it_says_so_and_stops_at_once(tmp_path: Path) -> None:
    template = tmp_path / "own.j2"
    template.write_text(
        'global\n stats socket {{ (state_dir ~ "/haproxy.sock") | quote }} level admin\n'
        "frontend f\n mode http\n bind {{ vars.http_bind }}\n"
    )
    own = {"template": str(template)}
    with Scene(tmp_path, haproxy={**STAYS, "grace": 600}, jinja2=own) as scene:
        agent = scene.agent()
        agent.send(signal.SIGTERM)
        assert agent.wait() == 0
        assert "no 'monitor fail' looks at proc.lbdisc_leaving" in agent.log.read_text()
