"""Where the time of a generation went: stage by stage, up to the one that failed."""

from lbdisc.agent.stages import APPLIED, PLANNED, RENDERED, VERIFIED, Stages
from lbdisc.errors import ApplyError, CheckError, LbdiscError, RenderError, Unconfirmed


class Watch:
    """A clock that goes on when it is told."""

    def __init__(self) -> None:
        self.now = 100.0
        self.stages = Stages(lambda: self.now)

    def after(self, seconds: float, *stages: str, check_ms: float | None = None) -> "Watch":
        self.now += seconds
        for stage in stages:
            self.stages.over(stage, check_ms=check_ms)
        return self


def rendered() -> Watch:
    """The news came at 100, and it took a second each to begin and to render."""
    watch = Watch().after(1)
    watch.stages.begin()
    return watch.after(1, RENDERED)


def failed(watch: Watch, error: LbdiscError) -> list[tuple[str, float]]:
    return list(watch.after(4).stages.failed(error, 100.0).items())


def test_they_follow_each_other_from_the_first_news_on() -> None:
    watch = rendered().after(2, PLANNED).after(3, APPLIED).after(1, VERIFIED)
    assert list(watch.stages.told(100.0).items()) == [
        *(("news", 1000), ("rendered", 1000), ("planned", 2000)),
        *(("applied", 3000), ("verified", 1000)),
    ]
    assert watch.stages.told(100.0) == {}


def test_a_check_is_apart_from_what_was_applied_after_it() -> None:
    watch = rendered().after(2, PLANNED).after(3, APPLIED, check_ms=2500)
    found = watch.stages.told(100.0)
    assert list(found) == ["news", "rendered", "planned", "checked", "applied"]
    assert (found["checked"], found["applied"]) == (2500, 500)


def test_where_no_news_came_they_begin_with_what_was_done() -> None:
    watch = Watch().after(5, PLANNED).after(2, APPLIED)
    assert watch.stages.told(None) == {"planned": 0, "applied": 2000}


def test_what_is_rendered_anew_leaves_nothing_of_before() -> None:
    watch = rendered().after(5)
    watch.stages.begin()
    assert watch.after(1, RENDERED).stages.told(100.0) == {"news": 7000, "rendered": 1000}


def test_an_attempt_ends_with_the_stage_that_failed() -> None:
    planned = rendered().after(2, PLANNED)
    assert failed(planned, CheckError("x"))[-1] == ("checked", 4000)
    assert failed(rendered().after(2, PLANNED), ApplyError("x"))[-1] == ("applied", 4000)
    assert failed(rendered(), ApplyError("x"))[-1] == ("planned", 4000)
    watch = rendered().after(2, PLANNED).after(1, APPLIED)
    assert failed(watch, Unconfirmed("x"))[-1] == ("verified", 4000)
    watch = Watch()
    watch.stages.begin()
    assert failed(watch, RenderError("x")) == [("news", 0), ("rendered", 4000)]
