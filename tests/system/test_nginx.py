"""nginx through reloader `command`, set up as docs/other-balancers.md says, on the real nginx."""

import os
import signal
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import posts
import pytest
from posts import Posts

from lbdisc.testing.processes import Process, free_port
from lbdisc.testing.waiting import eventually
from support.scene import LBDISC, Scene

pytestmark = pytest.mark.timeout(180)
HERE = Path(__file__).parents[2]


def documented() -> dict[str, Any]:
    """The settings in the docs."""
    text = (HERE / "docs" / "other-balancers.md").read_text()
    block = text.partition("```toml\n")[2].partition("```")[0]
    return tomllib.loads(block)


class Nginx(Scene):
    """A scene whose load balancer is nginx, in `folder` and on a free port."""

    def write_settings(self, **tables: Any) -> None:
        settings = documented()
        self.conf, self.pid_file = self.state / "nginx.conf", self.state / "nginx.pid"
        places = {
            "/etc/lbdisc": str(HERE / "templates"),
            "/run/nginx.pid": str(self.pid_file),
            "127.0.0.1:80/": f"127.0.0.1:{self.port}/",
        }
        command = dict(settings["command"])
        for name, value in command.items():
            for there, here in places.items() if isinstance(value, str) else ():
                command[name] = command[name].replace(there, here)
        template = settings["jinja2"]["template"].replace("/etc/lbdisc", places["/etc/lbdisc"])
        super().write_settings(
            core={"reloader": settings["reloader"], "output": str(self.conf)},
            guard=tables.get("guard", {}),
            command={**command, **tables.get("command", {})},
            jinja2={"template": str(tables.get("template", template))},
            **{"jinja2.files": {f'"{n}"': str(p) for n, p in tables.get("files", {}).items()}},
        )

    def variables(self) -> dict[str, Any]:
        return {"listen": f"127.0.0.1:{self.port}", "run_dir": str(self.state)}

    def master(self) -> int:
        with suppress(OSError, ValueError):
            return int(self.pid_file.read_text())
        return 0

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.master()}/task/{self.master()}/children")
        with suppress(OSError):
            return [int(word) for word in children.read_text().split()]
        return []

    def end(self) -> None:
        with suppress(ProcessLookupError):
            if master := self.master():
                os.kill(master, signal.SIGTERM)

    def answers(self) -> bool:
        """Whether nginx serves from a node."""
        try:
            with urllib.request.urlopen(self.url, timeout=5) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    def node(self, name: str, port: int) -> Process:
        app = [sys.executable, posts.__file__, str(port)]
        words: list[str | Path] = [
            "register",
            "--config",
            self.settings,
            "--name",
            name,
            "--interval",
            "0.2",
        ]
        words += ["--address", "127.0.0.1", "--port", str(port)]
        words += ["--set", f"state_dir={self.folder / name}", "--", *app]
        log = self.folder / f"{name}-{time.monotonic_ns()}.log"
        process = self._stack.enter_context(Process([LBDISC, *words], log=log))
        eventually(lambda: '"registered"' in process.log.read_text(), deadline=30)
        return process

    def until_served(self, *names: str) -> None:
        """Until nginx runs what has exactly these nodes, none of them draining."""

        def served() -> bool:
            lines = [line.split() for line in self.conf.read_text().splitlines()]
            found = [words for words in lines if words[:1] == ["server"] and len(words) == 3]
            return len(found) == len(names) and self.status["in_step"] and self.answers()

        eventually(served, deadline=40, what=f"nodes {', '.join(names)}")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Nginx]:
    made = Nginx(tmp_path)
    try:
        with made:
            yield made
    finally:  # after the agent, which would start it again
        made.end()


def test_a_rolling_restart_under_posts_loses_nothing(scene: Nginx) -> None:
    ports = {name: free_port() for name in ("s1", "s2", "s3")}
    scene.agent()
    nodes = {name: scene.node(name, port) for name, port in ports.items()}
    scene.until_served(*nodes)
    log = scene.folder / "agent1.log"
    eventually(lambda: '"announced"' in log.read_text())
    with Posts(scene.port) as traffic:
        for name, port in ports.items():
            nodes[name].send(signal.SIGTERM)
            assert nodes[name].wait() == 128 + signal.SIGTERM  # as its app
            assert "drain_timeout is over" not in nodes[name].log.read_text()
            scene.node(name, port)
            scene.until_served(*nodes)
    assert set(traffic.outcomes) == {"200"}, traffic.outcomes
    assert traffic.outcomes["200"] > 30


def test_what_cannot_be_known_is_not_acknowledged(scene: Nginx) -> None:
    scene.write_settings(command={"drained": "", "drain_time": 0})
    scene.agent()
    node = scene.node("s1", free_port())
    scene.until_served("s1")
    eventually(lambda: '"announced"' in (scene.folder / "agent1.log").read_text())
    node.send(signal.SIGTERM)
    eventually(lambda: "waiting for load balancers to drain" in node.log.read_text())
    eventually(lambda: " down;" in scene.conf.read_text() and scene.status["in_step"])
    with pytest.raises(subprocess.TimeoutExpired):
        node.wait(3)


def test_a_killed_nginx_is_back_soon(scene: Nginx) -> None:
    scene.list("s1", scene.app("s1"))
    scene.agent()
    scene.until_served("s1")
    for _ in range(3):
        before = scene.master()
        for pid in (before, *scene.workers()):
            os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        eventually(lambda: scene.answers(), deadline=20)
        # 1.2 s on a quiet machine; what looked every 30 s took as long.
        assert time.monotonic() - began < 6
        eventually(lambda: scene.status["in_step"])


def test_a_first_start_that_nginx_misses_leaves_it_a_file_to_start_from(scene: Nginx) -> None:
    scene.write_settings(command={"reload": "nginx -s reload -c {file}"})
    scene.list("s1", scene.app("s1"))
    scene.agent(until_running=False)
    eventually(lambda: scene.status["failure"])
    assert "command.reload failed" in scene.status["failure"]["error"]
    subprocess.run(["nginx", "-c", scene.conf], check=True, timeout=30)
    scene.until_served("s1")


def test_a_change_that_nginx_refuses_is_told_and_changes_nothing(scene: Nginx) -> None:
    scene.list("s1", scene.app("s1"))
    scene.agent()
    scene.until_served("s1")
    before = scene.conf.read_text()
    scene.list("s2", 1, address="no-such-host.invalid")
    (problem,) = eventually(lambda: scene.status["problems"])
    assert problem["where"].startswith("nodes/s2@")
    error = problem["what"]
    assert "host not found in upstream" in error
    assert f"{scene.conf}:" in error
    assert scene.conf.read_text() == before
    assert scene.answers()


def test_an_include_is_one_with_the_main_file(scene: Nginx) -> None:
    text = (HERE / "templates" / "nginx.conf.j2").read_text()
    template = scene.folder / "own.j2"
    template.write_text(
        text.replace("    location / {", "    include parts/names.conf;\n    location / {")
    )
    (scene.folder / "names.j2").write_text(
        "location = /names { return {{ 200 if services[0].endpoints else '' }} "
        "'{{ services[0].endpoints | map(attribute='name') | join(' ') }}'; }\n"
    )
    scene.list("s1", scene.app("s1"))
    scene.write_settings(
        guard={"max_loss": 1},
        template=template,
        files={"parts/names.conf": scene.folder / "names.j2"},
    )
    scene.agent()
    eventually(lambda: names(scene) == "s1")
    scene.list("s2", scene.app("s2"))
    eventually(lambda: names(scene) == "s1 s2")
    before = scene.conf.read_text()
    for name in ("s1", "s2"):
        scene.unlist(name)
    # Without nodes the included file is no good: nothing at all is installed.
    eventually(lambda: scene.status["failure"], deadline=40)
    assert "parts/names.conf:1" in scene.status["failure"]["error"]
    assert scene.conf.read_text() == before
    assert names(scene) == "s1 s2"


def names(scene: Nginx) -> str:
    try:
        with urllib.request.urlopen(f"{scene.url}names", timeout=5) as reply:
            return str(reply.read().decode())
    except OSError as error:
        return str(error)
