"""The demo's parts that need no balancer: evidence, screen, settings files, registries, ports."""

import io
import json
import re
import socket
import tomllib
from pathlib import Path

import pytest
from rich.console import Console

from lbdisc.errors import LbdiscError, SettingsError
from lbdisc_lab.demo import lab, ports, registries, toml
from lbdisc_lab.demo.evidence import STEPS, DemoReport, Seen
from lbdisc_lab.demo.screen import Moment, frame, summary, verdict
from lbdisc_lab.stats import Row
from lbdisc_lab.traffic import Counts, Loss


def row(name: str, status: str = "UP") -> Row:
    return Row(proxy="nodes", server=name, status=status, sessions=7)


def report(**changed: object) -> DemoReport:
    steps = tuple(
        Seen(
            step=step,
            seconds=0.5,
            gone=1.5 if step.stop else None,
            servers={name: row(name) for name in step.serving},
            counts=Counts(requests=9, served=9),
            generation=step.number,
        )
        for step in STEPS
    )
    given: dict[str, object] = {
        "backend": "file",
        "versions": {"HAProxy": "2.6.12"},
        "rate": 200.0,
        "steps": steps,
        "counts": Counts(requests=36, served=36),
        **changed,
    }
    return DemoReport(**given)  # type: ignore[arg-type] # a few parts changed by name


def shown(what: object) -> str:
    console = Console(width=80, file=io.StringIO())
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


LOSSES = (
    Loss(at=1.0, reason="reset", after=0.1),
    Loss(at=2.0, reason="status 502", after=0.1),
    Loss(at=3.0, reason="reset", after=0.1),
)
FAILURES: list[tuple[dict[str, object], str]] = [
    ({"missing": ("step 2 was not seen",)}, "FAILED: step 2 was not seen"),
    (
        {"counts": Counts(requests=9, served=6, lost=3), "losses": LOSSES},
        "FAILED: 3 requests lost: 2 × reset, 1 × status 502",
    ),
]


def test_a_report_is_good_when_all_was_seen_and_nothing_lost() -> None:
    assert report().ok
    assert "Every step was seen" in verdict(report())[-1]


@pytest.mark.parametrize(("changed", "line"), FAILURES)
def test_a_report_names_what_failed(changed: dict[str, object], line: str) -> None:
    failed = report(**changed)
    assert not failed.ok
    assert verdict(failed)[-1] == line


def test_the_table_shows_each_step_in_eighty_characters() -> None:
    lines = [line for line in shown(summary(report())).splitlines() if line.strip()]
    assert re.search(r"^ 3 start s3, s4, s5 +0.50 s +3 +9 +0 +s1 s2 s3 s4 s5 *$", lines[4])
    assert max(map(len, lines)) <= 80


def test_a_report_without_all_steps_is_not_good() -> None:
    assert not report(steps=report().steps[:3]).ok


def test_the_summary_holds_each_step() -> None:
    found = json.loads(json.dumps(report(losses=LOSSES).to_object()))
    assert found["ok"] is True
    assert [step["step"] for step in found["steps"]] == [1, 2, 3, 4]
    assert found["steps"][3]["gone_seconds"] == 1.5
    assert list(found["steps"][3]["nodes"]) == ["s2", "s4", "s5"]
    assert found["losses"][1] == {"at": 2.0, "reason": "status 502", "after": 0.1}


def test_the_frame_shows_nodes_that_serve_that_are_down_and_that_are_gone() -> None:
    counts = Counts(requests=30, served=30, lost=2, nodes={"s1": 10, "s2": 20})
    servers = {"s2": row("s2"), "s3": row("s3", "DOWN")}
    text = shown(frame(Moment(title="step 4", servers=servers, counts=counts, generation=6)))
    assert re.search(r"s1 +gone +10 ", text)
    assert re.search(r"s2 +UP +20 ", text)
    assert re.search(r"s3 +DOWN +0 ", text)
    assert re.search(r"generation 6 .*requests 30 .*lost 2 ", text)
    assert max(map(len, text.splitlines())) <= 80


def test_settings_files_read_back_as_they_were_written() -> None:
    settings: dict[str, object] = {
        "backend": 'a "b" \\ \n é \x7f',
        "etcd.endpoints": ["http://127.0.0.1:1", "x"],
        "etcd.tls": True,
        "etcd.ttl": 1.5,
        "register.tags": {"zone a": "1"},
        "register.port": 7,
        "state_dir": Path("/x"),
    }
    assert tomllib.loads(toml.document(settings)) == {
        "backend": settings["backend"],
        "etcd": {"endpoints": ["http://127.0.0.1:1", "x"], "tls": True, "ttl": 1.5},
        "register": {"tags": {"zone a": "1"}, "port": 7},
        "state_dir": "/x",
    }


def test_what_toml_has_not_is_refused() -> None:
    with pytest.raises(TypeError, match="None"):
        toml.document({"backend": None})


@pytest.mark.parametrize("backend", ["consul", "lab", "", "../x", "a b"])
def test_an_unknown_registry_is_named_in_one_line(tmp_path: Path, backend: str) -> None:
    with pytest.raises(SettingsError, match=r"^--backend '.*': file, .* or one whose plugin .*$"):
        registries.start(backend, tmp_path / "registry")


@pytest.mark.parametrize(
    ("backend", "package"),
    [("etcd", "etcd-server"), ("serf", "serf"), ("zookeeper", "default-jre-headless")],
)
def test_missing_servers_are_one_line_that_names_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, package: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LbdiscError, match=rf"^the registry {backend} does not start: .*{package}"):
        registries.start(backend, tmp_path / "registry")


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"127.0.0.1:{port}: Address already in use"):
            ports.check_port(port)


def test_quiet_ports_are_free_and_not_taken_by_outgoing_connections() -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    port = ports.quiet_port()
    assert port < first
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_folder_too_deep_for_a_socket_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    with pytest.raises(SettingsError, match="too long for a Unix socket"):
        lab.Lab(deep, registries.start("file", tmp_path / "registry"))
