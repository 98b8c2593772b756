"""`lbdisc doctor` beside each generation of HAProxy: it knows them, and reads what they say."""

import tomllib
from collections.abc import Iterator
from contextlib import suppress

import pytest

from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.sockets.master import Master
from lbdisc.haproxy.versions import read_version
from lbdisc.testing.waiting import eventually
from support.diagnosing import doctor, found
from support.haproxies import PROGRAMS, VERSIONS, exact_version
from support.scene import Scene
from support.steering import told


@pytest.fixture(scope="module", params=VERSIONS)
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    haproxy = {"binary": PROGRAMS[request.param], "settle_after": 0}
    folder = tmp_path_factory.mktemp("doctor")
    with Scene(folder, haproxy=haproxy, agent={"verify_every": 1.0}) as scene:
        scene.join("s1", "s2")
        scene.agent()
        scene.until_up("s1", "s2")
        yield scene


def version(scene: Scene) -> str:
    """Of the HAProxy that runs, in full."""
    return exact_version(tomllib.loads(scene.settings.read_text())["haproxy"]["binary"])


def test_program_sockets_master_and_file_are_well(scene: Scene) -> None:
    eventually(lambda: "good: in step" in told(scene, "status"), what="an agent that is well")
    code, said = doctor(scene, "--check", "haproxy,template")
    exact = version(scene)
    assert (code, found(said, "fail")) == (0, [])
    fine = "\n".join(found(said, "ok"))
    assert f"is HAProxy {exact}" in fine
    assert f"haproxy: worker {scene.worker()} serves since " in fine
    assert f"(level admin): worker {scene.worker()} of HAProxy {exact} answers" in fine
    assert f"haproxy: HAProxy accepts {scene.state}/haproxy.cfg" in fine
    assert f"haproxy: it runs {scene.state}/haproxy.cfg" in fine
    assert f"{scene.state}/master.sock: process {scene.haproxy_pid()} " in fine


def test_it_warns_of_what_the_version_cannot_and_of_nothing_else(scene: Scene) -> None:
    _, said = doctor(scene, "--check", "haproxy,template")
    numbers = read_version(version(scene))
    warned = [text for text in found(said, "warn") if "gets no fixes" not in text]
    known = ("'del server' can crash", "reuse no connections", "over a kept connection")
    expected = [] if numbers >= (3, 0, 11) else known[: 2 if numbers[:2] == (2, 8) else 3]
    assert len(warned) == len(expected), warned
    assert all(any(words in text for text in warned) for words in expected)


def test_a_reload_that_failed_and_the_worker_that_serves_on_are_told(scene: Scene) -> None:
    told(scene, "pause", "--why", "somebody breaks it by hand")
    config = scene.state / "haproxy.cfg"
    good, worker = config.read_text(), scene.worker()
    try:
        config.write_text(f"{good}\n  nonsense here\n")
        with suppress(HaproxyError):
            Master(scene.state / "master.sock").reload()
        code, said = doctor(scene, "--check", "haproxy,agent")
    finally:
        config.write_text(good)
        told(scene, "resume")
    assert code == 1
    assert any("'nonsense'" in text for text in found(said, "fail"))
    warned = "\n".join(found(said, "warn"))
    assert "reloads failed; it serves what it had read before" in warned
    assert any(f"haproxy: worker {worker} serves since " in text for text in found(said, "ok"))
    assert "agent: paused by " in warned
    scene.until_up("s1", "s2")
    eventually(lambda: scene.status["in_step"], what="an agent in step")


def test_all_servers_down_and_why_in_the_words_of_the_check(scene: Scene) -> None:
    scene.list("s1", 1)
    scene.list("s2", 2)
    words = "agent: service nodes: 0 of 2 up: connection refused"

    def told_so() -> bool:
        _, said = doctor(scene, "--check", "agent")
        return any(text.startswith(words) for text in found(said, "fail"))

    eventually(told_so, deadline=60, every=0.3)
