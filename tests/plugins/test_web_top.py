"""``lbdisc top``: the page in a terminal, in a pipe, and where the page is off."""

import io
import json
import os
import pty
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from lbdisc import Endpoint, events
from lbdisc.observed import ServerHealth, ServerLoad
from lbdisc.state.store import Store
from lbdisc.testing.waiting import eventually
from lbdisc.values import Snapshot
from lbdisc_web.fitting import FittedPicture, whole
from lbdisc_web.sources import current, of_files, of_page
from lbdisc_web.terminal import foot, parts
from lbdisc_web.view import Document
from support.programs import Programs
from support.scene import LBDISC
from support.web_pages import ServedPage, applied, some

LEAVES = Endpoint(service="nodes", name="z", address="10.9.9.9", port=1, state="draining")
HOSTILE = "\x1b[2J[bold]\u202eevil\n"


def printed(found: Document, width: int = 100) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(whole(parts(found, width=width)))
    return out.getvalue()


def fitted(found: Document, width: int, height: int) -> list[str]:
    """The lines of a terminal of that size."""
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=False, highlight=False)
    console.print(FittedPicture(parts(found, width=width), foot(found)))
    lines = out.getvalue().splitlines()
    assert len(lines) <= height
    assert all(len(line) <= width for line in lines)
    return lines


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A state folder in which an agent has left what it knew."""
    store = Store(tmp_path)
    up, down = some(2)
    store.save_snapshot(Snapshot.of([up, down, LEAVES]))
    not_up = [{"name": down.name, "state": "down", "why": HOSTILE}]
    seen = {"servers": 2, "up": 1, "unchecked": 0, "unknown": 0, "why": "", "not_up": not_up}
    paused = {"by": "ana (1000)", "why": "tests", "since": None, "until": None}
    store.save_status({"servers": {"nodes": seen}, "backend": "file", "paused": paused})
    return tmp_path


def test_without_the_page_the_files_tell_who_is_up(kept: Path) -> None:
    rows = of_files(ServedPage.unbound(), kept)["endpoints"]
    states = {row["name"]: row["state"] for row in rows.values()}
    assert states == {"web-0": "up", "web-1": "down", "z": "unknown"}


def test_the_terminal_shows_the_verdict_first_and_trouble_before_the_rest(kept: Path) -> None:
    text = printed(of_files(ServedPage.unbound(), kept))
    lines = text.splitlines()
    assert lines[0].startswith("failed: not running: ")
    assert "paused by ana (1000): tests" in text
    assert text.index("web-1") < text.index("web-0")


def test_nothing_that_a_terminal_obeys_comes_through(kept: Path) -> None:
    text = printed(of_files(ServedPage.unbound(), kept), width=40)
    assert "".join(text.split("\n")).isprintable()
    assert "[bold]" in text.replace("\n", "")


def test_with_the_page_it_is_the_same_with_events(tmp_path: Path) -> None:
    with closing(ServedPage(tmp_path)) as served:
        served.hear(applied(*some(3)))
        found = current(served.settings, tmp_path)
        assert found["source"] == "page"
        assert "nodes/web-0, nodes/web-1" in printed(found)
    assert of_page(served.settings) is None


def troubled(served: ServedPage, count: int) -> Document:
    """All kinds of things at once, the endpoint in the middle down."""
    nodes = some(count)
    bad = nodes[count // 2]
    looked = [
        ServerHealth(
            one,
            "down" if one is bad else "up",
            "HTTP 501 to HEAD /, Not Implemented" if one is bad else "",
            40.0,
            ServerLoad(sessions=3, queued=0, requests=123456, errors=7 if one is bad else 0),
        )
        for one in nodes
    ]
    agent = events.FleetAgent(agent="lb2", address="10.0.0.9", differs=("list",))
    served.hear(
        *(applied(*nodes, generation=n) for n in range(1, 30)),
        events.ServersObserved(servers=tuple(looked)),
        events.FleetSeen(agents=(agent,)),
    )
    return current(served.settings, Path())


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 24), (200, 12), (40, 16)])
def test_in_a_small_terminal_something_of_each_is_left(
    tmp_path: Path, width: int, height: int
) -> None:
    with closing(ServedPage(tmp_path)) as served:
        lines = fitted(troubled(served, 50), width, height)
    assert lines[0].startswith("failed: not running"[:width])
    assert any("more lines" in line for line in lines)
    assert lines[-1].startswith("q ends")
    if height == 24:
        text = "\n".join(lines)
        assert text.index("web-25") < text.index("web-0 ") < text.index("nodes/web-0, ")
        assert "501" in text
        assert "agent lb2" in text


def test_what_is_wrong_keeps_its_numbers_where_not_all_fit(tmp_path: Path) -> None:
    with closing(ServedPage(tmp_path)) as served:
        found = troubled(served, 3)
    heads = {
        width: next(line for line in fitted(found, width, 60) if line.startswith("NAME")).split()
        for width in (40, 80)
    }
    assert heads[80] == ["NAME", "ADDRESS", "STATE", "SESSIONS", "QUEUED", "REQUESTS", "ERRORS"]
    assert heads[40] == ["NAME", "STATE", "SESSIONS", "ERRORS"]


def test_a_very_long_name_is_whole(tmp_path: Path) -> None:
    odd = Endpoint(service="nodes", name="x" * 200, address="10.0.0.1", port=80)
    with closing(ServedPage(tmp_path)) as served:
        served.hear(applied(odd))
        text = printed(current(served.settings, tmp_path), width=40)
    assert "x" * 200 in text.replace("\n", "")


def test_a_tall_terminal_leaves_nothing_out(tmp_path: Path) -> None:
    with closing(ServedPage(tmp_path)) as served:
        lines = fitted(troubled(served, 20), 100, 200)
    assert not any("more lines" in line for line in lines)
    assert lines[-1].startswith("q ends · ")


def test_it_prints_once_in_a_pipe_and_ends_by_q_in_a_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "nodes" / "nodes"
    folder.mkdir(parents=True)
    (folder / "web-1.json").write_text(json.dumps({"address": "10.0.0.1", "port": 80}))
    with Programs(tmp_path, {"file.dir": tmp_path / "nodes"}) as programs:
        programs.agent("lb1").until("running")
        command = [LBDISC, "top", "--set", f"state_dir={tmp_path / 'lb1'}"]
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert told.stdout.startswith("good: in step, generation 1")
        assert "web-1" in told.stdout
        own, its = pty.openpty()
        with subprocess.Popen(command, stdin=its, stdout=its, stderr=its) as shown:
            eventually(lambda: b"good: in step" in os.read(own, 65536), what="the first picture")
            os.write(own, b"q")
            assert shown.wait(60) == 0
        os.close(its)
        os.close(own)


def test_where_no_agent_was_it_is_one_line(tmp_path: Path) -> None:
    command = [LBDISC, "top", "--set", f"state_dir={tmp_path}"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 1
    assert "no agent has used state_dir" in told.stderr
    assert told.stderr.count("\n") == 1
