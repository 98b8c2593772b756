"""Promises on reloaders."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from lbdisc.abilities import Drains, Follows, Observes
from lbdisc.errors import ApplyError, CheckError, LbdiscError
from lbdisc.planned import Nothing, Planned
from lbdisc.rendered import Rendered
from lbdisc.testing.balancer import Balancer
from lbdisc.testing.leaks import Leaks
from lbdisc.testing.origin import Origin
from lbdisc.testing.roles import SLACK
from lbdisc.testing.subject import Suite
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint

CLOSED_WITHIN = 1.5  # seconds, as the hook says
BUSY = 1.0  # seconds that a session is kept, and must not be called over


class ReloaderSuite(Suite):
    """What runs is what the files hold, what is refused changes nothing, and nothing is guessed."""

    @pytest.fixture
    def balancer(self) -> Iterator[Balancer]:
        """A load balancer that does not run yet, for one test."""
        raise NotImplementedError(f"{type(self).__name__}: override the fixture 'balancer'")

    def test_check_refuses_what_is_bad(self, balancer: Balancer, tmp_path: Path) -> None:
        """``check`` passes a good file and raises CheckError for a bad one, in one line."""
        with _driving(balancer) as driven:
            candidate = tmp_path / "candidate"
            candidate.write_text(balancer.answering("one").text)
            driven.reloader.check(candidate)
            candidate.write_text(balancer.refused().text)
            with pytest.raises(CheckError) as told:
                driven.reloader.check(candidate)
        assert "\n" not in str(told.value).strip()

    def test_applied_is_what_runs(self, balancer: Balancer) -> None:
        """What was applied runs and is in the file, the first and each that follows."""
        with _driving(balancer) as driven:
            for word in ("one", "two", "three"):
                driven.bring(balancer.answering(word))
                driven.runs(word)
                assert driven.reloader.verify(driven.running(), thorough=True) == ""

    def test_nothing_new_is_nothing_to_do(self, balancer: Balancer) -> None:
        """A plan for what runs already is to do nothing, and a plan changes nothing."""
        with _driving(balancer) as driven:
            driven.bring(balancer.answering("one"))
            driven.runs("one")
            planned = driven.plan(balancer.answering("one"))
            assert isinstance(planned.how, Nothing), f"it would be: {planned.how}"
            driven.plan(balancer.answering("two"))
            driven.runs("one")

    def test_refused_changes_nothing(self, balancer: Balancer) -> None:
        """A configuration that is refused is a CheckError; what runs and all files stay."""
        with _driving(balancer) as driven:
            driven.bring(balancer.answering("one"))
            driven.runs("one")
            before = _files(balancer)
            with pytest.raises(CheckError):
                driven.bring(balancer.refused())
            driven.runs("one")
            assert _files(balancer) == before
            driven.bring(balancer.answering("two"))
            driven.runs("two")

    def test_failed_apply_brings_the_last_back(self, balancer: Balancer) -> None:
        """What cannot be brought to life raises; what ran before runs, and its file is back."""
        balancer.needs("stuck")
        with _driving(balancer) as driven, socket.create_server(("127.0.0.1", 0)) as taken:
            driven.bring(balancer.answering("one"))
            driven.runs("one")
            with pytest.raises((ApplyError, CheckError)):
                driven.bring(balancer.stuck(taken.getsockname()[1]))
            driven.runs("one")
            driven.bring(balancer.answering("two"))
            driven.runs("two")

    def test_further_files_are_of_one_piece(self, balancer: Balancer) -> None:
        """Further files come, change and go with the configuration that they belong to."""
        balancer.needs("further")
        with _driving(balancer) as driven:
            for word in ("one", "two"):
                driven.bring(balancer.further(word))
                driven.runs(word)
            names = driven.running().names
            driven.bring(balancer.answering("three"))
            driven.runs("three")
            assert not [name for name in names if (balancer.config.parent / name).exists()]

    def test_killed_is_told_and_made_good(self, balancer: Balancer) -> None:
        """After a kill ``verify`` says so, and what is planned and applied then runs again."""
        balancer.needs("killed")
        with _driving(balancer) as driven:
            driven.bring(balancer.answering("one"))
            driven.runs("one")
            balancer.killed()
            eventually(
                lambda: driven.reloader.verify(driven.running(), thorough=True),
                deadline=balancer.patience,
                what="a word on the load balancer that was killed",
            )
            driven.bring(balancer.answering("one"))
            driven.runs("one")

    def test_drained_is_never_a_guess(self, balancer: Balancer) -> None:
        """While a request is on its way an endpoint is not drained; when it is answered, it is."""
        balancer.needs("balancing")
        with _driving(balancer) as driven, Origin() as origin, ThreadPoolExecutor(1) as pool:
            if not isinstance(driven.reloader, Drains):
                pytest.skip("it does not tell what is drained")
            endpoint = origin.endpoint()
            driven.bring(balancer.balancing(endpoint))
            asked = pool.submit(lambda: eventually(balancer.answer, deadline=balancer.patience))
            assert origin.asked.wait(balancer.patience), "the load balancer sent no request"
            driven.bring(balancer.balancing(endpoint.drain()))
            _stays_busy(driven.reloader, endpoint.drain())
            origin.may_answer.set()
            assert asked.result(balancer.patience) == "ok", "the request was lost"
            _gets_free(balancer, driven.reloader, endpoint.drain())

    def test_health_is_never_a_guess(self, balancer: Balancer) -> None:
        """Where something listens is never ``down``; what is not balanced is ``unknown``."""
        balancer.needs("balancing")
        with _driving(balancer) as driven, Origin() as origin:
            if not isinstance(observes := driven.reloader, Observes):
                pytest.skip("it does not tell what its load balancer finds")
            endpoint, stranger = origin.endpoint(), replace(origin.endpoint(), name="x", port=9)
            assert [h.state for h in observes.health([endpoint])] == ["unknown"]
            driven.bring(balancer.balancing(endpoint))
            found = observes.health([stranger, endpoint])
            assert [h.endpoint for h in found] == [stranger, endpoint]
            assert found[0].state == "unknown"
            assert found[1].state in ("up", "unchecked")

    def test_close_is_soon(self, balancer: Balancer) -> None:
        """``close`` takes 1.5 s at most, leaves no thread or descriptor, and the file whole."""
        leaks = Leaks()
        with _driving(balancer) as driven:
            driven.bring(balancer.answering("one"))
            driven.runs("one")
            driven.bring(balancer.answering("two"))
            began = time.monotonic()
            driven.reloader.close()
            assert time.monotonic() - began < CLOSED_WITHIN + SLACK
            assert balancer.config.read_text() == balancer.answering("two").text
        balancer.close()
        leaks.check()


class _Driven:
    """A reloader, driven as the agent drives it: what was planned is applied."""

    def __init__(self, balancer: Balancer) -> None:
        self.reloader = balancer.reloader()
        self._balancer = balancer
        self._running: Rendered | None = None

    def running(self) -> Rendered:
        assert self._running is not None
        return self._running

    def plan(self, candidate: Rendered) -> Planned:
        return self.reloader.plan(self._balancer.config, self._running, candidate)

    def bring(self, candidate: Rendered) -> None:
        self.reloader.apply(self.plan(candidate))
        self._running = candidate

    def runs(self, word: str) -> None:
        """The load balancer answers with ``word``, and the files hold what was applied."""
        patience = self._balancer.patience
        eventually(
            lambda: self._balancer.answer() == word, deadline=patience, what=f"the answer {word}"
        )
        if isinstance(follows := self.reloader, Follows):
            eventually(lambda: not follows.behind(), deadline=patience, what="the files")
        held, running = self._balancer.config, self.running()
        assert held.read_text() == running.text
        for name, text in running.files:
            assert (held.parent / name).read_text() == text


@contextmanager
def _driving(balancer: Balancer) -> Iterator[_Driven]:
    driven = _Driven(balancer)
    try:
        yield driven
    finally:
        driven.reloader.close()


def _files(balancer: Balancer) -> dict[str, bytes]:
    """What the folder of the configuration holds."""
    folder = balancer.config.parent
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def _stays_busy(reloader: Drains, endpoint: Endpoint) -> None:
    end = time.monotonic() + BUSY
    while time.monotonic() < end:
        with suppress(LbdiscError):  # it cannot tell: that is no yes
            assert endpoint not in reloader.drained([endpoint]), "a request is on its way to it"
        time.sleep(0.1)


def _gets_free(balancer: Balancer, reloader: Drains, endpoint: Endpoint) -> None:
    def free() -> bool:
        with suppress(LbdiscError):
            return endpoint in reloader.drained([endpoint])
        return False

    eventually(free, deadline=balancer.patience, every=0.1, what=f"the end of {endpoint}")
