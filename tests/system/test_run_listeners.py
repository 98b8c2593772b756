"""`lbdisc run` with strangers' listeners: whatever they do, nodes join and HAProxy serves."""

import json
import signal
from pathlib import Path

import pytest

from lbdisc.testing.waiting import eventually
from support import strangers
from support.scene import Scene

WHO = "probe (lbdisc-probe), listener probe"


@pytest.mark.parametrize(
    ("hearing", "said"),
    [
        ("time.sleep(60)", "a call takes longer than 1 s"),
        ("raise RuntimeError('boom')", "RuntimeError: boom"),
        ("sys.exit(3)", "SystemExit: 3"),
        ("[sys.stderr.write('x' * 99 + chr(10)) for _ in range(5000)]", ""),
    ],
    ids=["sleeps", "raises", "exits", "floods"],
)
def test_a_join_is_not_delayed_and_agent_and_haproxy_live(
    tmp_path: Path, hearing: str, said: str
) -> None:
    path = strangers.listener(tmp_path / "plugin", hearing)
    with Scene(tmp_path) as scene:
        scene.join("s1")
        agent = scene.agent(PYTHONPATH=path)
        scene.until_up("s1")
        haproxy = scene.haproxy_pid()
        scene.join("s2")
        scene.until_up("s1", "s2")
        eventually(lambda: scene.status["generation"]["number"] == 2)
        assert scene.status["generation"]["ms"] < 2000
        if said:
            eventually(lambda: [(b["plugin"], b["error"]) for b in scene.status["broken"]])
            assert [(b["plugin"], b["error"]) for b in scene.status["broken"]] == [(WHO, said)]
        assert agent.running
        assert scene.haproxy_pid() == haproxy


def test_a_stop_is_not_delayed_by_one_that_hangs(tmp_path: Path) -> None:
    path = strangers.listener(tmp_path / "plugin", "time.sleep(60)", "time.sleep(60)")
    with Scene(tmp_path) as scene:
        agent = scene.agent(PYTHONPATH=path)
        assert agent.stop() == 0
        assert "left behind" in agent.log_tail(100_000)


def test_all_events_are_heard_with_their_cause(tmp_path: Path) -> None:
    told = tmp_path / "told"
    hearing = f"print(event.name, '|', event.cause, file=open({str(told)!r}, 'a'), flush=True)"
    path = strangers.listener(tmp_path / "plugin", hearing)
    # The agent's own file would come at the same time, and be a cause as well.
    with Scene(tmp_path, agent={"announce": False}) as scene:
        scene.list("s1", 4711)
        agent = scene.agent(PYTHONPATH=path)
        scene.list("s2", 4712)
        eventually(lambda: "running | file s2.json\n" in told.read_text())
        assert agent.stop() == 0
        assert told.read_text().startswith("started | None\n")
        assert told.read_text().endswith("stopped | None\n")


def test_one_that_is_switched_off_does_not_hear(tmp_path: Path) -> None:
    told = tmp_path / "told"
    path = strangers.listener(tmp_path / "plugin", f"open({str(told)!r}, 'a')")
    with Scene(tmp_path, core={"listeners_off": ["probe"]}) as scene:
        agent = scene.agent(PYTHONPATH=path)
        assert agent.stop() == 0
    assert not told.exists()


def lines(log: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


def test_start_reload_and_stop_are_told_with_why(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        scene.list("s1", 4711)
        agent = scene.agent()
        scene.write_settings(vars={"balance": "leastconn"})
        agent.send(signal.SIGHUP)
        eventually(lambda: scene.status["generation"]["number"] == 2)
        assert agent.stop() == 0
        told = lines(agent.log_tail(100_000))
    started = told[0]
    *_, stopping, stopped = [line for line in told if line["event"] in ("stopping", "stopped")]
    assert started["settings_file"] == str(scene.settings)
    assert (started["backend"], started["state_dir"]) == ("file", str(scene.state))
    assert (stopping["why"], "error" in stopped) == ("SIGTERM", False)
    first, second = [line for line in told if line["event"] == "running"]
    assert first["cause"] == "file"
    assert (second["cause"], second["how"], "ms" in second) == ("settings", "reload", False)
    assert second["why"]
    assert "came" not in second


def test_after_a_restart_only_what_is_new_came(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        scene.list("s1", 4711)
        agent = scene.agent()
        assert agent.stop() == 0
        scene.list("s2", 4712)
        again = scene.agent()
        (running,) = [line for line in lines(again.log_tail(100_000)) if line["event"] == "running"]
    assert running["came"] == "nodes/s2@127.0.0.1:4712"
