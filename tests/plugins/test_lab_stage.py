"""Steps of the lab: every lost request counts for one, and a flaw does not end the play."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.errors import SettingsError
from lbdisc.testing.waiting import eventually
from lbdisc_lab.containers.backends import backend
from lbdisc_lab.containers.container import Container
from lbdisc_lab.containers.engine import Engine
from lbdisc_lab.containers.site import Site
from lbdisc_lab.tasks.evidence import Gatherer
from lbdisc_lab.tasks.play import TASKS, chosen
from lbdisc_lab.tasks.stage import Stage, TaskFailed


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Without an engine, a browser or a balancer: whatever is asked for is refused."""
    monkeypatch.setenv("PATH", "/nowhere")
    site = Site(Engine("test-stage"), backend("file"), rate=1000)
    yield site
    site.traffic.stop()


@pytest.fixture
def stage(site: Site, tmp_path: Path) -> Stage:
    return Stage(site, Gatherer(tmp_path), "6", say=lambda _: None)


def lose(site: Site, count: int) -> None:
    until = site.counts().lost + count
    eventually(lambda: site.counts().lost >= until)


def test_every_loss_counts_for_a_step_even_between_two_and_after_the_last(stage: Stage) -> None:
    site = stage.site
    with stage.step("first", "?"):
        site.traffic.start()
    lose(site, 20)
    with stage.step("second", "?"), site.apart.because("nothing serves"):
        lose(site, 20)
    lose(site, 20)
    stage.close()
    found = [len(step.losses) + sum(step.apart.values()) for step in stage.steps]
    assert found == [step.counts.lost for step in stage.steps]
    assert sum(found) == site.counts().lost >= 60
    assert stage.steps[1].apart["nothing serves"] >= 20


def test_a_step_that_is_not_reached_ends_its_task_and_is_kept(stage: Stage) -> None:
    with pytest.raises(TaskFailed, match="no s1"), stage.step("start s1", "?"):
        raise AssertionError("no s1")
    assert stage.steps[0].missing == "no s1"


def test_a_picture_that_failed_is_a_flaw_of_the_step_and_the_task_goes_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage.site, "_balancer", Container("ha", "0" * 12))
    with stage.step("start ha", "?") as act:
        act.seen()
    assert not stage.steps[0].ok
    assert stage.steps[0].why_not == "no browser for screenshots: install the package chromium"


def test_tasks_are_chosen_by_their_numbers() -> None:
    assert chosen("6, starts") == {"6", "starts"}
    assert chosen("") == set(TASKS)
    with pytest.raises(SettingsError, match=r"no task 7 \(known: 0, 1, 2, 3, 4, 5, 6, starts\)"):
        chosen("6,7")
