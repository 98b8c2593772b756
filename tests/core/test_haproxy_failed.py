"""What failed to load waits for minutes that double, also for the next agent."""

from pathlib import Path

import pytest

from lbdisc import Rendered
from lbdisc.errors import NotLoaded
from lbdisc.haproxy.errors import NotTold, ReloadFailed
from lbdisc.haproxy.failed import FIRST, MOST, Failures, cause_of
from lbdisc.haproxy.language.text import parse

TEXT = "global\n  server-state-file {0}/state\nbackend b\n  errorfile 503 {0}/503\n  server a :80\n"


def fail(failures: Failures, text: str = TEXT) -> NotLoaded:
    def load() -> int:
        raise ReloadFailed("no")

    with pytest.raises(NotLoaded) as found:
        failures.attempt(parse(text), Rendered(text), load)
    return found.value


def refused(failures: Failures, text: str = TEXT) -> float:
    """For how many seconds it is still refused, 0 if it may be tried."""
    try:
        failures.refuse(parse(text), Rendered(text))
    except NotLoaded as error:
        return error.retry_s or 0.0
    return 0.0


def not_told() -> int:
    raise NotTold("its master executes itself anew")


@pytest.fixture
def failures(tmp_path: Path) -> Failures:
    return Failures(tmp_path / "failed.json")


def test_the_minutes_double_up_to_an_hour_and_are_told(failures: Failures) -> None:
    errors = [fail(failures) for _ in range(8)]
    waits = [FIRST * 2**n for n in range(6)] + [MOST, MOST]
    assert [error.retry_s for error in errors] == pytest.approx(waits, abs=1)
    assert str(errors[2]).startswith("no. Try 3 took 0.0 s, in which HAProxy may have refused")


def test_other_servers_do_not_make_it_another_but_any_other_line_does(failures: Failures) -> None:
    fail(failures)
    assert refused(failures, f"{TEXT}  server b :80\n") > 50
    assert not refused(failures, f"{TEXT}  balance source\n")


def test_it_holds_for_the_next_agent(failures: Failures, tmp_path: Path) -> None:
    fail(failures)
    assert refused(Failures(tmp_path / "failed.json")) > 50


def test_a_damaged_note_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "failed.json").write_text('{"kind": "failed"')
    assert not refused(Failures(tmp_path / "failed.json"))


def test_what_loads_or_is_asked_for_is_forgotten(failures: Failures, tmp_path: Path) -> None:
    fail(failures)
    failures.try_again()
    assert not refused(failures)
    fail(failures)
    assert failures.attempt(parse(TEXT), Rendered(TEXT), lambda: 7) == 7
    assert not (tmp_path / "failed.json").exists()


def test_a_file_that_it_names_makes_it_worth_a_try(failures: Failures, tmp_path: Path) -> None:
    text = TEXT.format(tmp_path)
    fail(failures, text)
    (tmp_path / "state").write_text("written at each reload")
    assert not failures.changed
    assert refused(failures, text)
    (tmp_path / "503").write_text("another")
    assert failures.changed
    assert not refused(failures, text)


def test_further_files_of_our_own_count_by_what_they_hold(tmp_path: Path) -> None:
    model, path = parse(f"backend b\n  errorfile 503 {tmp_path}/503\n"), tmp_path / "503"
    path.write_text("x")
    before = cause_of(model, Rendered("", (("503", "x"),)))
    path.write_text("y")
    assert cause_of(model, Rendered("", (("503", "x"),))) == before
    assert cause_of(model, Rendered("", (("503", "y"),))) != before


def test_what_haproxy_was_not_told_to_load_has_not_failed(failures: Failures) -> None:
    with pytest.raises(NotTold):
        failures.attempt(parse(TEXT), Rendered(TEXT), not_told)
    assert not refused(failures)
