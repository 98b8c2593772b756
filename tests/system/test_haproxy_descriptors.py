"""As many endpoints as HAProxy has file descriptors for: known before a start and a reload."""

import os
from pathlib import Path

import pytest

from lbdisc.errors import ApplyError
from lbdisc.haproxy.around import Around
from lbdisc.haproxy.descriptors import MOST, allowed, room_in
from lbdisc.haproxy.process.managed import Managed
from lbdisc.room import Room
from lbdisc.testing.processes import Process, free_port
from lbdisc.testing.waiting import eventually
from support.haproxies import PROGRAMS
from support.scene import LBDISC, Scene

LIMIT = 700  # file descriptors
PLAIN = ("setpriv", "--bounding-set", "-sys_resource") if allowed() > MOST // 2 else ()
FEW = (*PLAIN, "prlimit", f"--nofile={LIMIT}")


def text(port: int, servers: int, *globals_: str) -> str:
    lines = ["global", *globals_, "defaults", "mode http", "timeout connect 1s"]
    lines += ["timeout client 5s", "timeout server 5s", f"listen l\nbind 127.0.0.1:{port}"]
    lines.append("default-server check inter 60s")
    lines += [f"server s{n} 127.0.0.1:{20_000 + n}" for n in range(servers)]
    return "\n".join(lines) + "\n"


def room(*globals_: str, limit: int = LIMIT) -> Room:
    found = room_in(Around(), text(80, 5000, *globals_), limit)
    assert found is not None
    return found


def limited(program: str, folder: Path, servers: int, *globals_: str) -> Managed:
    script = folder / "haproxy"
    script.write_text(f'#!/bin/sh\nexec {" ".join(FEW)} {program} "$@"\n')
    script.chmod(0o755)
    config = folder / "haproxy.cfg"
    config.write_text(text(free_port(), servers, *globals_))
    return Managed(binary=str(script), config=config, master=folder / "m.sock")


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
@pytest.mark.parametrize("globals_", [(), ("maxconn 200",), ("fd-hard-limit 500",)])
def test_what_has_room_starts(program: str, globals_: tuple[str, ...], tmp_path: Path) -> None:
    managed = limited(program, tmp_path, room(*globals_).fits, *globals_)
    assert managed.start().current is not None
    managed.stop(soft=0, limit=2)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_without_room_haproxy_would_not_start(program: str, tmp_path: Path) -> None:
    with pytest.raises(ApplyError, match="FD limit"):
        limited(program, tmp_path, LIMIT).start()


def test_clients_keep_half_where_no_maxconn_says_more() -> None:
    assert LIMIT // 3 < room().fits < LIMIT // 2
    assert "what 700 file descriptors of HAProxy allow (raise LimitNOFILE" in room().why


def test_connections_count_twice() -> None:
    assert room("maxconn 100").fits - room("maxconn 150").fits == 100
    assert "the global maxconn" in room("maxconn 100").why


def test_what_can_start_with_no_server_either_is_no_endpoints_fault() -> None:
    assert room_in(Around(), text(80, 10, "maxconn 2000"), LIMIT) is None


def test_what_is_there_has_room() -> None:
    found = room_in(Around(), text(80, 600), LIMIT, there=500)
    assert found is not None
    assert (found.servers, found.fits) == (600, 500)


def test_servers_without_checks_need_no_descriptor_of_their_own() -> None:
    unchecked = text(80, 5000).replace("default-server check inter 60s\n", "")
    found = room_in(Around(), unchecked, LIMIT)
    assert found is not None
    assert found.servers == 0


def test_another_process_is_asked_for_its_own_limit() -> None:
    assert allowed(os.getpid()) == allowed()
    assert allowed(2**22 + 1) == MOST


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    found = Scene(tmp_path)
    found.prefix = FEW
    return found


def flood(scene: Scene, count: int) -> None:
    for n in range(count):
        scene.list(f"x{n}", 9, address=f"127.1.{n >> 8}.{n & 255}")


def skipped(scene: Scene) -> list[str]:
    return [p["what"] for p in scene.status["problems"] if "descriptors" in p["what"]]


def test_a_flood_takes_no_descriptor_of_those_who_were_there(scene: Scene) -> None:
    with scene:
        scene.join("good")
        scene.agent()
        flood(scene, LIMIT)
        eventually(lambda: skipped(scene), what="the limit is told")
        scene.join("more")
        scene.unlist("good")
        eventually(lambda: "good" not in served(scene), what="a good leave")
        assert len(skipped(scene)) == 1
        assert LIMIT // 3 < len(served(scene)) < LIMIT // 2


def served(scene: Scene) -> set[str]:
    lines = (scene.state / "haproxy.cfg").read_text().splitlines()
    return {line.split()[1] for line in lines if line.strip().startswith("server ")}


def test_a_first_start_serves_as_many_as_fit_and_those_stay_over_a_restart(scene: Scene) -> None:
    with scene:
        flood(scene, LIMIT)
        first = scene.agent()
        before = served(scene)
        assert LIMIT // 3 < len(before) < LIMIT // 2
        first.stop()
        scene.join("a-new-one")
        scene.agent()
        assert served(scene) == before


def test_once_leaves_out_what_does_not_fit(scene: Scene) -> None:
    with scene:
        flood(scene, LIMIT)
        command = [*FEW, LBDISC, "run", "--once", "--config", scene.settings]
        with Process(command, log=scene.folder / "once.log") as once:
            assert once.wait() == 0
        assert "file descriptors" in (scene.folder / "once.log").read_text()
        assert LIMIT // 3 < len(served(scene)) < LIMIT // 2
