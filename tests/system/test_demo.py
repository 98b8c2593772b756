"""``lbdisc demo`` as a person starts it, with real processes all the way."""

import json
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from lbdisc.testing.processes import Process
from lbdisc.testing.waiting import eventually

LBDISC = Path(sys.executable).with_name("lbdisc")
# Up to fourteen processes start one after the other, on a machine that may be busy.
pytestmark = pytest.mark.timeout(240)
PATIENCE = 200.0  # seconds; catches hangs


class Demo:
    """A running ``lbdisc demo`` and all that it started."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder / "k"
        self.output = folder / "output.txt"
        self._summary = folder / "summary.json"
        places: list[str | Path] = ["--keep", self.folder, "--json", self._summary]
        self.process = Process([LBDISC, "demo", *places, *options], log=self.output)
        self.seen: dict[int, psutil.Process] = {}

    def wait_for(self, text: str) -> None:
        """Wait until ``text`` is in the output, and take note of what runs."""

        def said() -> bool:
            if not self.process.running and text not in self.text:
                raise RuntimeError(f"the demo ended: {self.text}")
            self.note()
            return text in self.text

        eventually(said, deadline=PATIENCE, what=text)

    def note(self) -> None:
        if self.process.running:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                self.seen[child.pid] = child

    def find(self, word: str) -> list[psutil.Process]:
        """The running processes of the demo that have ``word`` in their command line."""
        self.note()
        return [p for p in self.left if any(word in part for part in p.cmdline())]

    @property
    def left(self) -> list[psutil.Process]:
        """What the demo started and still runs."""
        return [p for p in self.seen.values() if p.is_running() and p.status() != "zombie"]

    @property
    def text(self) -> str:
        return self.output.read_text()

    @property
    def summary(self) -> dict[str, Any]:
        found = json.loads(self._summary.read_text())
        assert isinstance(found, dict)
        return found


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A short one: HAProxy's sockets lie below it, and the path of a socket has little room."""
    with tempfile.TemporaryDirectory(prefix="lb-") as folder:
        yield Path(folder)


@contextmanager
def demo(folder: Path, *options: str) -> Iterator[Demo]:
    running = Demo(folder, *options)
    with running.process:
        try:
            yield running
        finally:
            if running.process.stop(deadline=60) == -signal.SIGKILL:
                for process in running.left:
                    process.kill()


def ends(running: Demo) -> int:
    """The exit code of the demo once it ended; nothing it started may be left."""

    def over() -> bool:
        running.note()
        return not running.process.running

    eventually(over, deadline=PATIENCE, what="the end of the demo")
    assert running.left == []
    return running.process.wait()


def test_the_labs_last_task_is_seen_in_haproxys_statistics_and_loses_nothing(
    tmp_path: Path,
) -> None:
    with demo(tmp_path, "--once") as running:
        assert ends(running) == 0, running.text
        found = running.summary
    assert (found["ok"], found["lost"], found["missing"]) == (True, 0, [])
    listed = [list(step["nodes"]) for step in found["steps"]]
    assert listed == [[], ["s1", "s2"], ["s1", "s2", "s3", "s4", "s5"], ["s2", "s4", "s5"]]
    states = {node["status"] for step in found["steps"] for node in step["nodes"].values()}
    assert states == {"UP"}
    assert found["requests"] == found["served"] + found["no_node_yet"]
    assert all(node["requests"] > 0 for node in found["steps"][3]["nodes"].values())
    assert "no request was lost" in running.text


@pytest.mark.seldom
def test_it_goes_on_until_asked_to_end_and_then_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path) as running:
        running.wait_for("until Ctrl-C")
        command = next(line for line in running.text.splitlines() if "--name s6" in line)
        with Process(command.split(), log=tmp_path / "s6.log"):
            eventually(lambda: served_by(running, "s6"), what="a node added by hand")
        running.process.send(signal.SIGTERM)
        assert ends(running) == 0, running.text
    assert running.summary["ok"] is True


def served_by(running: Demo, node: str) -> bool:
    site = next(line for line in running.text.splitlines() if line.startswith("site"))
    host, port = site.split("/")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    return f'"host":"{node}"'.encode() in answer


@pytest.mark.seldom
def test_a_lost_request_fails_it_and_is_named(tmp_path: Path) -> None:
    with demo(tmp_path) as running:
        running.wait_for("until Ctrl-C")
        for balancer in running.find("haproxy.cfg"):
            balancer.kill()
        running.wait_for(" lost: ")
        running.process.send(signal.SIGINT)
        assert ends(running) == 1, running.text
    assert running.summary["lost"] > 0
    assert "FAILED" in running.text


def test_ctrl_c_in_the_middle_ends_everything(tmp_path: Path) -> None:
    with demo(tmp_path) as running:
        running.wait_for("step 2 of 4")
        eventually(lambda: running.find("register"), what="a node that starts")
        running.process.send(signal.SIGINT)
        assert ends(running) == 130, running.text
    assert "interrupted" in running.text


def test_a_step_that_cannot_be_seen_fails_it_with_its_logs(tmp_path: Path) -> None:
    with demo(tmp_path, "--once", "--deadline", "1", "--rate", "1") as running:
        assert ends(running) == 1, running.text
    assert running.summary["missing"] != []
    assert running.text.count("FAILED: ") == 1
    assert "logs/agent.log" in running.text


def test_a_taken_port_is_one_line_and_starts_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with demo(tmp_path, "--once", "--port", port) as running:
            assert ends(running) == 2
    assert running.text == (
        f"lbdisc: cannot listen on 127.0.0.1:{port}: Address already in use; give another --port\n"
    )


def test_an_unknown_backend_is_one_line(tmp_path: Path) -> None:
    with demo(tmp_path, "--once", "--backend", "consul") as running:
        assert ends(running) == 2
    assert running.text.startswith("lbdisc: --backend 'consul': file, doozer, etcd, ")
    assert running.text.count("\n") == 1


def test_a_folder_in_use_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "k").mkdir()
    (tmp_path / "k" / "mine").touch()
    with demo(tmp_path, "--once") as running:
        assert ends(running) == 2
    assert "not empty" in running.text
