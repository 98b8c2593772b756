"""lbdisc meets a HAProxy whose file was written by hand: nothing goes by mistake."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.haproxy.sockets.master import Master
from lbdisc.testing.waiting import eventually
from support.attached import SERVERS, Attached
from support.scene import lost

REFUSED = 4


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Attached]:
    """Two servers by hand, served; the registry's folder is misspelt, and empty."""
    with Attached(tmp_path) as made:
        made.serve("w1", "w2")
        made.haproxy()
        (tmp_path / "nodez").mkdir()
        made.set(nodes="nodez")
        yield made


def test_a_misspelt_registry_takes_nothing_and_loses_no_request(place: Attached) -> None:
    before = place.config.read_text()
    with place.traffic() as traffic:
        agent = place.agent()
        said = place.until_refused("takes 2 of 2 servers of 1 proxy, none is left")
        eventually(lambda: place.status["failure"]["times"] > 3, what="more tries")
        assert place.config.read_text() == before
        place.enlist("w1", "w2")
        place.set()
        place.reread(agent)
        place.until_in_step()
    assert lost(traffic) == []
    assert f"w1 127.0.0.1:{place.apps['w1']}" in said
    assert "lbdisc adopt" in said


def test_nodes_that_appear_are_waited_for(place: Attached) -> None:
    place.set()
    place.agent()
    place.until_refused("takes 2 of 2")
    place.enlist("w2")
    place.until_in_step()
    assert "server w2 " in place.config.read_text()


def test_plan_says_what_would_go_first_and_by_its_exit_code(place: Attached) -> None:
    code, said = place.lbdisc("plan")
    assert code == REFUSED
    assert said.startswith("takes 2 of 2 servers of 1 proxy, none is left\n")
    code, said = place.lbdisc("plan", "--json")
    found = json.loads(said)
    assert code == REFUSED
    assert [server.split()[0] for server in found["takes"]["servers"]["web"]] == ["w1", "w2"]
    assert "was not written by lbdisc" in found["refused"]


def test_once_refuses_as_well_and_says_so(place: Attached) -> None:
    before = place.config.read_text()
    code, said = place.lbdisc("run", "--once")
    assert (code, place.config.read_text(), place.copies) == (1, before, [])
    assert "nothing is applied" in said


def test_status_says_why_nothing_is_applied(place: Attached) -> None:
    place.agent()
    place.until_refused("takes 2 of 2")
    code, said = place.lbdisc("status")
    assert code == 1
    assert "TakeoverRefused" in said


def test_a_small_loss_goes_on_and_the_old_file_is_kept(place: Attached) -> None:
    before = place.config.read_text()
    place.config.chmod(0o640)
    place.enlist("w1")
    place.set()
    place.agent()
    place.until_in_step()
    copy = place.config.with_name("haproxy.cfg.before-lbdisc")
    assert (copy.read_text(), copy.stat().st_mode & 0o777) == (before, 0o640)
    assert str(copy) in (place.folder / "agent.log").read_text()


def test_a_copy_that_exists_is_never_written_over(place: Attached) -> None:
    first = place.config.with_name("haproxy.cfg.before-lbdisc")
    first.write_text("of an earlier day\n")
    before = place.config.read_text()
    place.enlist("w1", "w2")
    place.set()
    assert place.lbdisc("run", "--once")[0] == 0
    assert first.read_text() == "of an earlier day\n"
    assert first.with_name("haproxy.cfg.before-lbdisc.1").read_text() == before


def test_adopt_shows_what_goes_and_a_running_agent_goes_on(place: Attached) -> None:
    before = place.config.read_text()
    place.agent()
    place.until_refused("takes 2 of 2")
    code, said = place.lbdisc("adopt")
    assert code == 0
    assert "takes 2 of 2 of proxy web (w1 " in said
    place.until_in_step()
    assert "server w1" not in place.config.read_text()
    assert place.config.with_name("haproxy.cfg.before-lbdisc").read_text() == before


def test_what_was_adopted_once_counts_again_when_it_comes_back(place: Attached) -> None:
    before = place.config.read_text()
    place.lbdisc("adopt")
    assert place.lbdisc("run", "--once")[0] == 0
    place.config.write_text(before)
    assert place.lbdisc("run", "--once")[0] == 1


def test_a_file_without_any_node_as_lbdisc_renders_it_is_no_strangers(place: Attached) -> None:
    place.config.write_text(place.text(""))
    place.template.write_text(place.text(SERVERS))
    assert place.lbdisc("render")[1] == place.config.read_text()
    place.enlist("w1", "w2")
    place.set()
    assert place.lbdisc("run", "--once")[0] == 0
    assert place.copies == []


def test_adopt_accepts_what_it_showed_and_no_more(place: Attached) -> None:
    place.serve("w3", "w4")
    place.enlist("w1", "w2", "w3")
    place.set()
    assert "takes 1 of 4 of proxy web (w4 " in place.lbdisc("adopt")[1]
    place.set(nodes="nodez")
    code, said = place.lbdisc("plan")
    assert code == REFUSED
    assert said.startswith("takes 3 of 3 servers of 1 proxy, none is left\n")


def test_accept_takes_it_over_at_once_and_a_later_file_by_hand_counts_again(
    place: Attached,
) -> None:
    before = place.config.read_text()
    assert place.lbdisc("run", "--once", "--accept")[0] == 0
    assert "server w1" not in place.config.read_text()
    place.config.write_text(before)
    assert place.lbdisc("run", "--once")[0] == 1


def test_what_lbdisc_wrote_is_known_as_its_own_after_a_restart(place: Attached) -> None:
    place.enlist("w1", "w2")
    place.set()
    assert place.lbdisc("run", "--once")[0] == 0
    for path in place.config.parent.glob("*before*"):
        path.unlink()
    place.unlist("w2")
    assert place.lbdisc("run", "--once")[0] == 0
    assert place.copies == []


# With the snapshot the guard still knows whom to hold.
@pytest.mark.parametrize(("lost_file", "code"), [("written.jsonl", 0), ("snapshot.jsonl", 1)])
def test_a_state_folder_that_lost_its_memory_takes_nothing(
    place: Attached, lost_file: str, code: int
) -> None:
    place.enlist("w1", "w2")
    place.set()
    assert place.lbdisc("run", "--once")[0] == 0
    (place.state / lost_file).unlink()
    place.set(nodes="nodez")
    assert place.lbdisc("run", "--once")[0] == code
    assert "server w1 " in place.config.read_text()


def test_a_file_changed_by_hand_while_the_agent_runs_is_kept_beside(place: Attached) -> None:
    place.enlist("w1")
    place.set()
    place.agent()
    place.until_in_step()
    by_hand = place.config.read_text() + "# a note by hand\n"
    place.config.write_text(by_hand)
    place.enlist("w2")
    eventually(lambda: "server w2 " in place.config.read_text(), what="the next change")
    assert place.config.with_name("haproxy.cfg.before-lbdisc.1").read_text() == by_hand


def test_a_strangers_file_stays_while_its_haproxy_cannot_be_asked(tmp_path: Path) -> None:
    with Attached(tmp_path) as place:
        place.serve("w1", "w2")
        before = place.config.read_text()
        place.enlist("w1", "w2")
        place.agent()
        place.until_refused("stays as it is while its HAProxy cannot be asked")
        assert place.config.read_text() == before
        place.haproxy()
        place.until_in_step()


def test_a_file_that_is_no_utf8_is_taken_over_byte_by_byte(place: Attached) -> None:
    before = place.config.read_bytes().replace(b"# by hand\n", b"# caf\xe9\r\n")
    place.config.write_bytes(before)
    place.enlist("w1", "w2")
    place.set()
    assert place.lbdisc("plan")[0] in (0, 3)
    assert place.lbdisc("render", "--diff")[0] in (0, 3)
    assert place.lbdisc("run", "--once")[0] == 0
    assert place.config.with_name("haproxy.cfg.before-lbdisc").read_bytes() == before


def test_it_is_kept_alive_as_it_is_while_the_registry_is_away(place: Attached) -> None:
    before = place.config.read_bytes().replace(b"# by hand\n", b"# caf\xe9\n")
    place.config.write_bytes(before)
    place.set(nodes="away")
    (place.folder / "away").write_text("no folder")
    agent = place.agent()
    place.until_in_step()
    assert place.config.read_bytes() == before
    assert not (place.state / "snapshot.jsonl").exists()
    place.set(nodes="nodez")
    place.reread(agent)
    eventually(lambda: place.status["failure"], what="a refusal")
    assert place.config.read_bytes() == before


def test_a_service_that_the_registry_has_not_is_named_with_those_it_has(place: Attached) -> None:
    place.enlist("w1", "w2")
    place.set(core={"services": ["wep"]})
    code, said = place.lbdisc("plan")
    assert code == REFUSED
    assert "warning: services names 'wep', of which the registry has no endpoint" in said
    assert "(did you mean 'web'?); it has endpoints of web" in said
    place.agent()
    place.until_refused("takes 2 of 2")
    assert "did you mean 'web'?" in place.lbdisc("status")[1]
    assert "service without endpoints" in (place.folder / "agent.log").read_text()


def test_the_same_worker_serves_after_a_refusal(place: Attached) -> None:
    worker = place.worker
    assert place.lbdisc("run", "--once")[0] == 1
    assert Master(place.master).processes().reloads == 0
    assert place.worker == worker
