"""`lbdisc run` and what HAProxy refuses of one endpoint: the others go on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.haproxy.sockets.master import Master
from lbdisc.testing.waiting import eventually
from support.own_template import OWN_TEMPLATE
from support.scene import Scene, lost
from support.scripts import script


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Scene]:
    """An agent with a template of one's own, in which host names have to resolve; s1, s2 are up."""
    template = tmp_path / "own.j2"
    template.write_text(OWN_TEMPLATE)
    with Scene(tmp_path, jinja2={"template": str(template)}) as scene:
        scene.join("s1", "s2")
        scene.agent()
        scene.until_up("s1", "s2")
        yield scene


def problems(scene: Scene) -> dict[str, str]:
    return {problem["where"]: problem["what"] for problem in scene.status["problems"]}


def until_skipped(scene: Scene, *names: str) -> None:
    wanted = {f"nodes/{name}" for name in names}
    eventually(
        lambda: {where.partition("@")[0] for where in problems(scene)} == wanted,
        deadline=20,
        what=f"{', '.join(names)} to be skipped",
    )


def test_a_name_that_does_not_resolve_blocks_no_join_and_no_leave(serving: Scene) -> None:
    with serving.traffic() as traffic:
        serving.list("lost", 80, address="no-such-host.invalid")
        until_skipped(serving, "lost")
        serving.join("s3")
        serving.until_up("s1", "s2", "s3")
        serving.unlist("s3")
        serving.until_up("s1", "s2")
        serving.list("lost", serving.app("lost"))
        serving.until_up("lost", "s1", "s2")
        until_skipped(serving)
    assert lost(traffic) == []


def test_the_words_of_the_check_the_line_and_the_refused_text_are_kept(serving: Scene) -> None:
    serving.list("lost", 80, address="no-such-host.invalid")
    until_skipped(serving, "lost")
    (said,) = problems(serving).values()
    assert "could not resolve address 'no-such-host.invalid'" in said
    assert "| server lost no-such-host.invalid:80 check" in said
    refused = serving.state / "haproxy.cfg.refused"
    assert "server lost" in refused.read_text()
    serving.unlist("lost")
    eventually(lambda: not refused.exists(), what="the refused text to be removed")


def test_a_hundred_bad_ones_of_several_kinds_are_left_out_together(serving: Scene) -> None:
    kinds = ({"address": "no-such-host.invalid"}, {"tags": {"x": "no-such-keyword"}})
    for number in range(100):
        serving.list(f"bad{number}", 80, **kinds[number % 2])
    serving.join("s3")
    serving.until_up("s1", "s2", "s3")
    until_skipped(serving, *(f"bad{number}" for number in range(100)))


def test_a_served_one_that_gets_worse_stays_as_it_was(serving: Scene) -> None:
    port = int(serving.config.partition("server s2 127.0.0.1:")[2].split()[0])
    with serving.traffic() as traffic:
        serving.list("s2", port, weight=50, tags={"x": "no-such-keyword"})
        until_skipped(serving, "s2")
        assert "as it was before" in next(iter(problems(serving).values()))
        serving.join("s3")
        serving.until_up("s1", "s2", "s3")
    assert lost(traffic) == []


# HAProxy itself, but that its check refuses a server of that name, and does not say why.
PICKY = """#!/bin/sh
for last; do :; done
case "$1" in -c) grep -q 'server odd' "$last" && exit 1;; esac
exec haproxy "$@"
"""


def test_what_passes_at_run_time_and_not_in_the_file_costs_no_loop_of_reloads(
    tmp_path: Path,
) -> None:
    picky = script(tmp_path / "picky", PICKY)
    with Scene(tmp_path, haproxy={"binary": picky, "settle_after": 0}) as scene:
        scene.join("s1", "s2")
        scene.agent()
        scene.until_up("s1", "s2")
        before = Master(scene.state / "master.sock").processes().reloads
        with scene.traffic() as traffic:
            scene.join("odd")
            until_skipped(scene, "odd")
            scene.join("s3")
            scene.until_up("s1", "s2", "s3")
        assert lost(traffic) == []
        assert Master(scene.state / "master.sock").processes().reloads <= before + 2
