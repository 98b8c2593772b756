"""Who gives orders badly holds up nobody: real agent, real HAProxy, and strange clients."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from lbdisc.agent.refusals import MOST
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.orders import reachable
from lbdisc.testing.waiting import eventually
from support.scene import Scene
from support.steering import told

Held = ExitStack  # what a client holds open while others work


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with Scene(tmp_path_factory.mktemp("hostile"), log={"format": "json"}) as scene:
        scene.join("s1")
        scene.agent()
        scene.until_up("s1")
        yield scene


def client(folder: Path, held: Held) -> socket.socket | None:
    """A connection; ``None`` where the kernel has no room for another."""
    made = held.enter_context(socket.socket(socket.AF_UNIX))
    made.settimeout(0.5)
    with reachable(folder) as path, suppress(OSError):
        made.connect(path)
        return made
    return None


def says(words: bytes) -> Callable[[Path, Held], None]:
    def say(folder: Path, held: Held) -> None:
        if (made := client(folder, held)) is not None:
            with suppress(OSError):  # it is turned away before it is through
                made.sendall(words)

    return say


def goes_away(folder: Path, held: Held) -> None:
    with ExitStack() as own:
        says(b'{"schema": 1, "ask": "pau')(folder, own)


def comes_two_hundred_times(folder: Path, held: Held) -> None:
    for _ in range(200):
        client(folder, held)


def threads(scene: Scene) -> int:
    lines = Path(f"/proc/{scene.status['pid']}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Threads:"))


def weight(scene: Scene) -> int:
    with Runtime(str(scene.state / "haproxy.sock")) as runtime:
        return next(row.weight for row in runtime.servers("nodes") if row.server == "s1")


@pytest.mark.parametrize(
    "strange",
    [
        pytest.param(says(b"pause"), id="never ends its line"),
        pytest.param(says(b"x" * 10_000_000), id="says ten megabytes"),
        pytest.param(says(b"{]\n"), id="says no JSON"),
        pytest.param(says(b"\xff\x00" * 500 + b"\n"), id="says no text"),
        pytest.param(goes_away, id="goes away in the middle"),
        pytest.param(comes_two_hundred_times, id="comes two hundred times"),
    ],
)
def test_changes_are_served_and_orders_obeyed_meanwhile(
    scene: Scene, strange: Callable[[Path, Held], None]
) -> None:
    before = threads(scene)
    wanted = 10 + weight(scene) % 50  # another each time
    with ExitStack() as held:
        for _ in range(2):
            strange(scene.state, held)
        scene.list("s1", int(scene.apps["s1"].command[-1]), weight=wanted)
        eventually(lambda: weight(scene) == wanted, what="a change that is served")
        told(scene, "disable", "nodes/s9")
    told(scene, "undo", "nodes/s9")
    eventually(lambda: threads(scene) <= before + 1, what="no thread that is left")


def test_all_of_it_is_a_line_each_and_no_more_than_some(scene: Scene) -> None:
    lines = (scene.folder / "agent1.log").read_text().splitlines()
    refused = [line for line in lines if '"event": "order refused"' in line]
    assert 1 <= len(refused) <= 3 * MOST
    assert max(map(len, refused)) < 1000
    assert not [line for line in lines if "Traceback" in line]
