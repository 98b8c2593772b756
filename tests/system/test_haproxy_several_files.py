"""HAProxy with several files, of which lbdisc writes one: they are one configuration."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lbdisc.haproxy.errors import HaproxyError
from lbdisc.testing.processes import Process
from lbdisc.testing.waiting import eventually
from support.attached import SERVERS, Attached

SETTINGS = 2
OURS = (
    "frontend front from base\n    bind 127.0.0.1:PORT\n    default_backend web\n"
    f"backend web from base\n{SERVERS}"
)


class Several(Attached):
    """`base.cfg` has the stats socket and named defaults, `haproxy.cfg` the rest."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._seen: set[int] = set()
        self.base = folder / "conf" / "base.cfg"
        self.last = folder / "conf" / "zz.cfg"
        text = self.text("").split("frontend front")[0].replace("defaults", "defaults base")
        self.base.write_text(text)
        self.last.write_text("backend spare from base\n    server s 127.0.0.1:9\n")
        self.template.write_text(OURS.replace("PORT", str(self.port)))

    def begin(self, *arguments: str | Path) -> None:
        self.serve("a", "b", "c")
        self.enlist("a", "b")
        lines = (f"    server {n} 127.0.0.1:{self.apps[n]} check\n" for n in ("a", "b"))
        text = self.template.read_text().replace(SERVERS, "".join(lines))
        self.config.write_text(text)
        self.haproxy(*(arguments or ("-f", self.base, "-f", self.config, "-f", self.last)))

    def touch(self, path: Path, text: str) -> None:
        """Another content, that has been there for a while."""
        path.write_text(text)
        before = time.time() - 5
        os.utime(path, (before, before))

    @property
    def workers(self) -> set[int]:
        """Those that serve now; the one before while the master starts anew."""
        with suppress(HaproxyError):
            self._seen = {self.worker}
        return self._seen

    def answers(self) -> set[str]:
        with self.traffic() as traffic:
            eventually(lambda: traffic.counts().requests > 30, what="requests")
        return set(traffic.counts().nodes)

    def follows(self) -> None:
        """A join and a leave at run time."""
        worker = self.worker
        self.enlist("c")
        eventually(lambda: "c" in self.answers(), what="a request to c")
        self.unlist("c")
        eventually(lambda: "c" not in self.answers(), what="no request to c")
        assert self.worker == worker


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Several]:
    with Several(tmp_path) as made:
        made.set(haproxy={"settle_after": 0})
        yield made


def in_step(scene: Several) -> Process:
    agent = scene.agent()
    scene.until_in_step()
    return agent


def test_who_comes_and_goes_needs_no_reload(scene: Several) -> None:
    scene.begin()
    in_step(scene)
    scene.follows()


def test_of_a_folder_too(scene: Several) -> None:
    scene.begin("-f", "conf")
    in_step(scene)
    scene.follows()


def test_the_commands_know_of_the_others(scene: Several) -> None:
    scene.begin()
    code, said = scene.lbdisc("config", "check")
    assert code == 0, said
    files = [str(scene.base), str(scene.config), str(scene.last)]
    assert f"set haproxy.files = {json.dumps(files)}" in said
    assert "no 'stats socket'" not in said
    scene.set(haproxy={"files": files})
    assert "haproxy.files" not in scene.lbdisc("config", "check")[1]


def test_named_in_another_order_is_told(scene: Several) -> None:
    scene.begin()
    scene.set(haproxy={"files": [str(scene.base), str(scene.last), str(scene.config)]})
    assert "was not started with haproxy.files" in scene.lbdisc("config", "check")[1]


def test_a_place_for_the_output_is_needed(scene: Several) -> None:
    scene.begin()
    scene.set(haproxy={"files": [str(scene.base)]})
    code, said = scene.lbdisc("config", "check")
    assert code == SETTINGS, said
    assert f"has no place for output {scene.config}" in said


def test_a_changed_neighbour_is_read_by_one_reload(scene: Several) -> None:
    scene.begin()
    in_step(scene)
    worker = scene.worker
    scene.touch(scene.base, scene.base.read_text().replace("connect 1s", "connect 2s"))
    eventually(lambda: scene.workers - {worker}, what="a reload")
    scene.until_in_step()
    scene.follows()


def test_a_neighbour_that_haproxy_refuses_holds_up_nobody(scene: Several) -> None:
    scene.begin()
    agent = in_step(scene)
    good, worker = scene.last.read_text(), scene.worker
    scene.touch(scene.last, good + "    no-such-word\n")
    scene.until_refused(
        f"{scene.last} changed: HAProxy refuses the configuration: parsing [{scene.last}:3]"
    )
    scene.follows()
    agent.stop()
    scene.agent()
    scene.follows()
    assert scene.worker == worker
    scene.touch(scene.last, good)
    scene.until_in_step()


def test_a_neighbour_that_is_gone_holds_up_nobody(scene: Several) -> None:
    scene.begin()
    in_step(scene)
    good = scene.last.read_text()
    scene.last.unlink()
    scene.until_refused(f"{scene.last} changed: HAProxy refuses")
    scene.follows()
    scene.touch(scene.last, good)
    scene.until_in_step()


def test_a_restart_changes_nothing(scene: Several) -> None:
    scene.begin()
    in_step(scene).stop()
    worker = scene.worker
    in_step(scene)
    scene.follows()
    assert scene.worker == worker


def test_lines_are_numbered_as_in_their_file(scene: Several) -> None:
    scene.begin()
    in_step(scene).stop()
    text = scene.template.read_text().replace("127.0.0.1:", "192.0.2.200:", 1)
    scene.template.write_text(text)
    assert "line 2 changed" in scene.lbdisc("plan")[1]
    _, said = scene.lbdisc("run", "--once")
    assert "line 2, bind 192.0.2.200:" in said


def test_managed_starts_all_of_them(scene: Several) -> None:
    files = [str(scene.base), str(scene.config.parent / "haproxy.cfg"), str(scene.last)]
    scene.set(haproxy={"mode": "managed", "files": files, "on_stop": "stop"})
    scene.serve("a", "b", "c")
    scene.config.unlink()
    scene.enlist("a", "b")
    in_step(scene)
    assert scene.answers() == {"a", "b"}
    scene.follows()
