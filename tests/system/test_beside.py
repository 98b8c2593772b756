"""Files that HAProxy reads beside its configuration: each change comes in without being asked."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lbdisc.testing.waiting import eventually
from support.beside import PAGE, Beside
from support.scene import lost


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Beside]:
    with Beside(tmp_path) as made:
        made.join("s1")
        made.agent()
        made.until_up("s1")
        yield made


def planned(scene: Beside) -> dict[str, Any]:
    """What `lbdisc plan` says."""
    scene.lbdisc("plan", "--json", name="plan").wait()
    lines = (scene.folder / "plan.log").read_text().splitlines()
    return dict(json.loads(next(line for line in reversed(lines) if line.startswith('{"schema"'))))


def test_a_renewed_certificate_is_presented_by_the_same_worker(scene: Beside) -> None:
    before = scene.worker()
    with scene.traffic() as traffic:
        scene.renew()
        eventually(scene.presents)
    assert lost(traffic) == []
    assert scene.worker() == before
    cause = f"files {scene.own}/site.pem"
    eventually(lambda: scene.status["generation"]["cause"] == cause)


def test_entries_of_a_map_and_a_list_come_and_go_in_the_same_worker(scene: Beside) -> None:
    before = scene.worker()
    scene.put("names.map", "# new\n/two  2 and more\n/shut 3\n")
    scene.put("shut.list", "/closed\n/one\n")
    eventually(lambda: scene.get("/two") == "2 and more")
    eventually(lambda: scene.get("/shut") == "3")
    assert scene.get("/one").strip() == scene.get("/closed").strip() == "shut"
    assert scene.worker() == before


def test_what_is_only_read_at_the_start_takes_one_reload_that_loses_nothing(scene: Beside) -> None:
    before = scene.worker()
    with scene.traffic() as traffic:
        scene.put("503.http", PAGE.format("closed for today"))
        eventually(lambda: scene.get("/shut").strip() == "closed for today")
    assert lost(traffic) == []
    eventually(lambda: scene.status["generation"]["how"] == "reload")
    assert scene.worker() != before


def test_a_link_that_leads_elsewhere_is_a_change(scene: Beside) -> None:
    """As certbot and Kubernetes replace files."""
    for name in ("v1", "v2"):
        (scene.own / name).mkdir()
        (scene.own / name / "site.pem").write_text(scene.pem())
    (scene.own / "..data").symlink_to("v1")
    (scene.own / "site.pem").unlink()
    (scene.own / "site.pem").symlink_to("..data/site.pem")
    eventually(scene.presents)
    (scene.own / "..new").symlink_to("v2")
    (scene.own / "..new").rename(scene.own / "..data")
    eventually(scene.presents)


def test_a_file_rewritten_in_place_is_taken_when_it_is_whole(scene: Beside) -> None:
    text = scene.pem()
    log = scene.folder / "agent1.log"
    with (scene.own / "site.pem").open("w") as file:
        for line in text.splitlines(keepends=True):
            file.write(line)
            file.flush()
    eventually(scene.presents)
    assert "file refused" not in log.read_text()


def test_changes_while_no_agent_runs_come_in_at_its_start_without_a_reload(
    tmp_path: Path,
) -> None:
    with Beside(tmp_path) as scene:
        scene.write_settings(haproxy={"on_stop": "leave"})
        scene.agent().stop()
        scene.write_settings()
        before = scene.worker()
        scene.renew()
        scene.put("names.map", "/one changed\n")
        assert eventually(lambda: planned(scene)["how"] == "runtime")
        assert f"file {scene.own}/names.map" in planned(scene)["detail"]
        scene.put("names.map", "/one\n")
        assert eventually(lambda: planned(scene)["how"] == "reload")
        scene.put("names.map", "/one changed\n")
        scene.agent()
        eventually(scene.presents)
        eventually(lambda: scene.get("/one") == "changed")
        assert scene.worker() == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("site.pem", "no certificate"),
        ("site.pem", "CERT ONLY"),
        ("503.http", "x" * 100_000),
    ],
)
def test_what_haproxy_refuses_leaves_what_it_read_before(
    scene: Beside, name: str, text: str
) -> None:
    good = (scene.own / name).read_text()
    if text == "CERT ONLY":
        text = scene.pem().partition("-----BEGIN PRIVATE")[0]
    worker = scene.worker()
    (scene.folder / "good.pem").write_text((scene.own / "site.pem").read_text())
    scene.put(name, text)
    eventually(lambda: scene.status["refused"])
    assert scene.status["refused"][0]["file"] == str(scene.own / name)
    scene.join("s2")  # goes on, and the file follows
    scene.until_up("s1", "s2")
    eventually(lambda: "s2" in scene.config)
    eventually(lambda: scene.status["in_step"])
    assert scene.worker() == worker
    assert scene.presents("../good.pem")
    scene.put(name, good)
    eventually(lambda: not scene.status["refused"])


def test_sighup_takes_them_too(scene: Beside) -> None:
    scene.renew()
    scene.hup()
    eventually(scene.presents)


def test_a_reload_waits_for_a_file_that_is_refused_and_comes_when_it_is_good(
    scene: Beside,
) -> None:
    good = (scene.own / "site.pem").read_text()
    scene.put("site.pem", "no certificate")
    eventually(lambda: scene.status["refused"])
    template = scene.folder / "own.j2"
    template.write_text(template.read_text() + "# another line\nbackend more\n")
    scene.hup()  # tried as a whole before it is taken, and refused
    eventually(lambda: scene.status["settings_refused"])
    assert "site.pem" in scene.status["settings_refused"]["error"]
    scene.put("site.pem", good)
    eventually(lambda: not scene.status["refused"])
    scene.hup()
    eventually(lambda: "backend more" in scene.config)


def test_a_change_that_needs_a_reload_comes_as_soon_as_the_file_is_good(scene: Beside) -> None:
    good = (scene.own / "site.pem").read_text()
    scene.put("site.pem", "no certificate")
    eventually(lambda: scene.status["refused"])
    scene.list("named", scene.app("named"), address="localhost")  # a name needs a reload
    eventually(lambda: scene.status["failure"])
    assert scene.status["problems"] == []
    scene.put("site.pem", good)
    scene.until_up("s1", "named")


def test_a_map_that_became_a_folder_or_went_leaves_its_entries(scene: Beside) -> None:
    path = scene.own / "names.map"
    path.unlink()
    path.mkdir()
    eventually(lambda: scene.status["refused"])
    path.rmdir()
    assert scene.get("/one") == "1"
    scene.put("names.map", "/one 2\n")
    eventually(lambda: scene.get("/one") == "2")
    eventually(lambda: not scene.status["refused"])


def test_many_files_renewed_at_once_are_one_reload(tmp_path: Path) -> None:
    with Beside(tmp_path) as scene:
        pems = [scene.own / "many" / f"{number}.pem" for number in range(60)]
        pems[0].parent.mkdir()
        for path in pems:
            path.write_text(scene.pem())
        template = scene.folder / "own.j2"
        bind = f"ssl crt {scene.own}/many/ crt"
        template.write_text(template.read_text().replace("ssl crt", bind))
        scene.join("s1")
        scene.agent()
        scene.until_up("s1")
        new = [scene.pem() for _ in pems]
        with scene.traffic() as traffic:
            for path, text in zip(pems, new, strict=True):
                path.write_text(text)
            eventually(lambda: scene.status["generation"]["how"] == "reload")
            eventually(lambda: scene.presents("many/0.pem") or scene.presents())
        assert lost(traffic) == []
        assert scene.status["counters"]["applied_reload"] == 1
        assert not scene.status["refused"]
