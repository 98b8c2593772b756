"""`lbdisc run --once`, `plan` and `render --check`, and what HAProxy refuses of one endpoint."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.own_template import OWN_TEMPLATE
from support.scene import Scene

NOWHERE = "no-such-host.invalid"
SKIPPED = f"skipped: nodes/lost@{NOWHERE}:80: left out: "
RELOAD_NEEDED = 3


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Scene]:
    """A template of one's own, in which host names have to resolve; s1 and one that does not."""
    template = tmp_path / "own.j2"
    template.write_text(OWN_TEMPLATE)
    with Scene(tmp_path, jinja2={"template": str(template)}) as scene:
        scene.list("s1", 3001)
        scene.list("lost", 80, address=NOWHERE)
        yield scene


def said(scene: Scene, *words: str, code: int = 0) -> str:
    process = scene.lbdisc(*words, name="".join(words))
    assert process.wait() == code, process.log_tail()
    return process.log.read_text()


def test_once_applies_the_others_and_names_who_is_left_out(place: Scene) -> None:
    text = said(place, "run", "--once")
    assert "server s1 " in place.config
    assert "server lost" not in place.config
    assert "entry skipped" in text
    assert f"could not resolve address '{NOWHERE}'" in text


def test_plan_and_render_show_what_once_does(place: Scene) -> None:
    for command in (("plan",), ("render", "--check", "--diff")):
        text = said(place, *command, code=RELOAD_NEEDED)
        assert SKIPPED in text
    text = said(place, "render", "--check")
    assert SKIPPED in text
    assert "server s1 " in text
    assert "\n    server lost" not in text
    said(place, "run", "--once")
    assert "nothing: nothing changes" in said(place, "plan")


def test_who_is_served_is_not_left_out_when_its_name_is_lost(place: Scene) -> None:
    place.unlist("lost")
    place.list("named", 3002, address="localhost")
    said(place, "run", "--once")
    before = place.config
    lost = f"{{{{ '{NOWHERE}:80' if e.name == 'named' else e.host_port }}}}"
    (place.folder / "own.j2").write_text(OWN_TEMPLATE.replace("{{ e.host_port }}", lost))
    assert "could not resolve" in said(place, "run", "--once", code=1)
    assert place.config == before


def test_a_template_that_fails_for_one_leaves_out_that_one(place: Scene) -> None:
    (place.folder / "own.j2").write_text(
        OWN_TEMPLATE.replace("{{ e.name }}", "{{ e.name if e.name != 'lost' else e.nowhere.x }}")
    )
    assert "skipped: nodes/lost@" in said(place, "render")
    said(place, "run", "--once")
    assert "server s1 " in place.config


def test_what_no_endpoint_is_at_fault_for_fails(place: Scene) -> None:
    (place.folder / "own.j2").write_text(OWN_TEMPLATE + "\n  nonsense\n")
    for command in (("run", "--once"), ("plan",), ("render", "--check")):
        assert "unknown keyword 'nonsense'" in said(place, *command, code=1)
