"""Judging an instance by its checks."""

import threading
from collections.abc import Callable
from queue import Queue

import pytest

from lbdisc.register import health
from lbdisc.register.health import HealthChecker, Streak
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint

ENDPOINT = Endpoint(service="web", name="one", address="127.0.0.1", port=1)


class Watched:
    """A checker with its results, stopped at the end."""

    def __init__(self, check: Callable[[Endpoint], str], *, timeout: float = 30.0) -> None:
        self.results: Queue[str] = Queue()
        self.checker = HealthChecker(
            check, lambda: ENDPOINT, self.results.put, interval=0.01, timeout=timeout
        )

    def __enter__(self) -> "Watched":
        self.checker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.checker.stop()
        self.checker.join()

    def next(self) -> str:
        return self.results.get(timeout=30)

    def watched(self) -> str:
        """The next result that only a watch brings."""

        def probe() -> str:
            self.checker.watch()
            return "" if self.results.empty() else self.results.get()

        return eventually(probe)


def verdicts(verdict: Streak, results: str) -> str:
    """The verdict after each of ``results``: + passed or healthy, - failed or not."""
    said = ""
    for result in results:
        verdict.take(result == "+")
        said += "+" if verdict.healthy else "-"
    return said


@pytest.mark.parametrize(
    ("rise", "fall", "results", "expected"),
    [
        (1, 1, "+-+", "+-+"),
        (2, 1, "+-++", "---+"),
        (1, 3, "+--+---", "++++++-"),
        (2, 2, "++-+--", "-++++-"),
        (1, 3, "-----+", "-----+"),
    ],
)
def test_only_results_in_a_row_change_the_verdict(
    rise: int, fall: int, results: str, expected: str
) -> None:
    assert verdicts(Streak(rise=rise, fall=fall), results) == expected


def test_take_tells_of_a_change_only() -> None:
    verdict = Streak(rise=1, fall=1)
    assert [verdict.take(passed) for passed in (False, True, True, False)] == [
        False,
        True,
        False,
        True,
    ]


def test_checks_are_repeated_and_reported() -> None:
    answers = iter(["", "down", ""])
    with Watched(lambda endpoint: next(answers, "")) as watched:
        assert [watched.next() for _ in range(4)] == ["", "down", "", ""]


def test_a_check_that_raises_is_a_failure_and_the_next_one_follows() -> None:
    answers = iter(["", ""])
    with Watched(lambda endpoint: next(answers)) as watched:
        results = [watched.next() for _ in range(4)]
    assert results == ["", "", *["the check broke: StopIteration"] * 2]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_check_that_takes_its_thread_down_is_a_failure_and_is_started_again() -> None:
    def check(endpoint: Endpoint) -> str:
        raise SystemExit

    with Watched(check) as watched:
        assert [watched.watched() for _ in range(2)] == ["the checker died"] * 2


def test_a_check_that_hangs_is_a_failure_each_time_it_would_be_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "GRACE", 0.01)
    go_on = threading.Event()

    def check(endpoint: Endpoint) -> str:
        go_on.wait(60)
        return ""

    with Watched(check, timeout=0.01) as watched:
        assert [watched.watched() for _ in range(2)] == ["no result within 0.01 s"] * 2
        go_on.set()


def test_a_check_that_passes_too_late_has_failed() -> None:
    def check(endpoint: Endpoint) -> str:
        threading.Event().wait(0.05)
        return ""

    with Watched(check, timeout=0.01) as watched:
        assert watched.next().startswith("took 0.")


def test_no_thread_is_left() -> None:
    with Watched(lambda endpoint: "") as watched:
        watched.next()
    assert "check" not in [thread.name for thread in threading.enumerate()]


def test_nothing_is_reported_after_the_stop() -> None:
    with Watched(lambda endpoint: "") as watched:
        watched.next()
    while not watched.results.empty():
        watched.results.get()
    watched.checker.watch()
    assert watched.results.empty()
