"""Holding the endpoint: when it counts as published, and what happens to errors."""

from collections.abc import Callable, Iterator
from queue import Queue
from threading import Event

import pytest

from lbdisc import holding
from lbdisc.errors import LbdiscError, RegistrarError, SettingsError
from lbdisc.holding import Holder
from lbdisc.hooks import Registrar
from lbdisc.settings import AgentSettings
from lbdisc.values import Endpoint

ENDPOINT = Endpoint(service="web", name="one", address="127.0.0.1", port=3000)
PACE = AgentSettings(retry_first=0.01, retry_most=0.02)
Read = Callable[[], Endpoint]


class Script:
    """A registrar whose attempts are the functions given, one after the other."""

    def __init__(self, *attempts: Callable[[Read, Event], None]) -> None:
        self._attempts = list(attempts)

    def hold(self, endpoint: Read, stop: Event) -> None:
        self._attempts.pop(0)(endpoint, stop)


class Heard:
    """A listener that notes what it hears."""

    def __init__(self) -> None:
        self.words: Queue[str] = Queue()

    def published(self, endpoint: Endpoint) -> None:
        self.words.put(f"published {endpoint.state}")

    def refused(self, error: LbdiscError) -> None:
        self.words.put(f"refused {error}")

    def left(self, error: LbdiscError | None) -> None:
        self.words.put(f"left {error}")

    def next(self) -> str:
        return self.words.get(timeout=30)


Begin = Callable[[Registrar], tuple[Holder, Heard]]


@pytest.fixture
def begin() -> Iterator[Begin]:
    begun: list[Holder] = []

    def begin(registrar: Registrar) -> tuple[Holder, Heard]:
        heard = Heard()
        begun.append(Holder(registrar, lambda: ENDPOINT, heard, PACE))
        begun[-1].start()
        return begun[-1], heard

    yield begin
    for holder in begun:
        holder.leave()
        holder.join(30)


def keep(endpoint: Read, stop: Event) -> None:
    while not stop.is_set():
        endpoint()
        stop.wait(0.01)


def fail(error: Exception) -> Callable[[Read, Event], None]:
    def attempt(endpoint: Read, stop: Event) -> None:
        endpoint()
        endpoint()
        raise error

    return attempt


def test_published_once_the_registrar_comes_back_for_more(begin: Begin) -> None:
    holder, heard = begin(Script(keep))
    assert heard.next() == "published ready"
    holder.drain()
    assert heard.next() == "published draining"
    holder.leave()
    assert heard.next() == "left None"


def test_reading_the_name_and_then_failing_is_not_published(begin: Begin) -> None:
    _, heard = begin(Script(fail(RegistrarError("down")), keep))
    assert [heard.next(), heard.next()] == ["refused down", "published ready"]


def test_a_registrar_that_breaks_or_gives_up_is_called_again(begin: Begin) -> None:
    attempts = (fail(ZeroDivisionError()), lambda endpoint, stop: None, keep)
    _, heard = begin(Script(*attempts))
    assert heard.next() == "refused the registrar broke: ZeroDivisionError"
    assert heard.next() == "refused the registrar gave up by itself"
    assert heard.next() == "published ready"


def test_even_hopeless_settings_are_tried_again(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "HOPELESS", (0.01, 0.02))
    _, heard = begin(Script(fail(SettingsError("no such user")), keep))
    assert [heard.next(), heard.next()] == ["refused no such user", "published ready"]


def test_an_entry_that_could_not_be_taken_out_is_told(begin: Begin) -> None:
    def attempt(endpoint: Read, stop: Event) -> None:
        keep(endpoint, stop)
        raise RegistrarError("down")

    holder, heard = begin(Script(attempt))
    assert heard.next() == "published ready"
    holder.leave()
    assert heard.next() == "left down"


def test_leaving_cuts_a_back_off_short(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "HOPELESS", (3600.0, 3600.0))
    holder, heard = begin(Script(fail(SettingsError("no such user"))))
    assert heard.next() == "refused no such user"
    holder.leave()
    assert heard.next() == "left None"
