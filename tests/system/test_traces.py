"""A real agent with a real HAProxy, and a collector that gets a trace of each generation."""

import subprocess
from pathlib import Path

from lbdisc.testing.processes import Process, free_port
from lbdisc.testing.waiting import eventually
from support.otlp import SentTrace, collector
from support.scene import LBDISC, Scene

AWAY = "traces are not taken and lost until they are"


def follow_each_other(trace: SentTrace) -> bool:
    """Whether the stages fill the time of the whole, none before the one before it ends."""
    edges = [trace.root.begin, *(stage.end for stage in trace.stages)]
    starts = [stage.begin for stage in trace.stages]
    return starts == edges[:-1] and edges[-1] == trace.root.end and edges == sorted(edges)


def test_a_start_and_a_join_are_traces_with_their_stages_in_order(tmp_path: Path) -> None:
    with (
        collector() as sent,
        Scene(tmp_path, metrics={"traces_endpoint": sent.url}) as scene,
    ):
        scene.join("s1")
        scene.agent()
        scene.until_up("s1")
        scene.join("s2")
        started = sent.until(how="start", result="applied")
        joined = sent.until(how="runtime", came=1)
    assert started.names == joined.names == ["news", "rendered", "planned", "applied", "verified"]
    assert follow_each_other(started)
    assert follow_each_other(joined)
    assert joined.said["lbdisc.backend"] == joined.said["lbdisc.cause"] == "file"
    assert (joined.said["lbdisc.endpoints"], joined.root.error) == (2, None)


def test_a_reload_is_checked_first(tmp_path: Path) -> None:
    off = {"runtime": False}
    with (
        collector() as sent,
        Scene(tmp_path, metrics={"traces_endpoint": sent.url}, haproxy=off) as scene,
    ):
        scene.list("s1", 4711)
        scene.agent()
        scene.list("s2", 4712)
        trace = sent.until(how="reload")
    stages = ["news", "rendered", "planned", "checked", "applied", "verified"]
    assert trace.names == stages
    assert follow_each_other(trace)
    checked = trace.stages[stages.index("checked")]
    assert checked.end > checked.begin


def test_failed_attempts_have_an_error_and_lead_to_the_one_that_comes_through(
    tmp_path: Path,
) -> None:
    with collector() as sent:
        attached = {"mode": "attached"}
        with Scene(tmp_path, metrics={"traces_endpoint": sent.url}, haproxy=attached) as scene:
            scene.list("s1", 4711)
            scene.agent(until_running=False)
            failed = sent.until(result="failed")
            config, master = scene.state / "haproxy.cfg", scene.state / "master.sock"
            command: list[str | Path] = ["haproxy", "-W", "-S", master, "-f", config]
            with Process(command, log=tmp_path / "haproxy.log", ready=master.exists):
                applied = sent.until(result="applied")
    assert "no HAProxy answers" in str(failed.root.error)
    assert failed.stages[-1].error == failed.root.error
    assert follow_each_other(failed)
    assert applied.root.error is None
    assert len(applied.root.links) == 1


def test_the_last_traces_are_sent_at_the_end_of_the_program(tmp_path: Path) -> None:
    with collector() as sent:
        with Scene(tmp_path, metrics={"traces_endpoint": sent.url}) as scene:
            scene.list("s1", 4711)
            agent = scene.agent()
            scene.list("s2", 4712)
            eventually(lambda: scene.status["generation"]["number"] == 2)
            assert agent.stop() == 0
        assert sent.ended(generation=2)


def test_without_a_collector_the_agent_goes_on_and_says_so_once(tmp_path: Path) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    with Scene(tmp_path, metrics={"traces_endpoint": endpoint}) as scene:
        scene.list("s1", 4711)
        agent = scene.agent()
        for number in range(2, 6):
            scene.list(f"s{number}", 4710 + number)
            eventually(lambda number=number: scene.status["generation"]["number"] >= number)  # type: ignore[misc]
            eventually(lambda: AWAY in agent.log_tail(100_000))
        assert agent.stop() == 0
        log = agent.log_tail(1_000_000)
    assert log.count(AWAY) == 1
    assert "plugin broken" not in log
    assert "Traceback" not in log


def test_an_address_that_others_read_on_the_way_is_refused_in_one_line(tmp_path: Path) -> None:
    with Scene(tmp_path, metrics={"traces_endpoint": "http://10.0.0.9:4318"}) as scene:
        command = [LBDISC, "run", "--config", str(scene.settings)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    (said,) = ended.stderr.strip().splitlines()
    assert "traces_endpoint 'http://10.0.0.9:4318' is read on the way by others" in said
