"""Holding an entry: when it is put, what is said of it, and how it ends."""

from collections.abc import Callable, Iterator
from contextlib import _GeneratorContextManager
from queue import Queue
from threading import Event

import pytest

from lbdisc.errors import LbdiscError, RegistrarError, RegistryBusy, SettingsError
from lbdisc.register import holding
from lbdisc.register.holding import End, Holder
from lbdisc.settings.tables import AgentSettings
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint
from support.ledger import LEASE, Ledger

ENDPOINT = Endpoint(service="web", name="one", address="127.0.0.1", port=3000)
PACE = AgentSettings(retry_first=0.01, retry_most=0.02)


class Heard:
    """A listener that notes what it hears."""

    def __init__(self) -> None:
        self.words: Queue[str] = Queue()
        self.end: Queue[End] = Queue()

    def published(self, endpoint: Endpoint) -> None:
        self.words.put(f"published {endpoint.state}")

    def waiting(self, rival: str) -> None:
        self.words.put(f"waiting for {rival}")

    def kept(self, endpoint: Endpoint) -> None:
        self.words.put(f"kept {endpoint.state}")

    def refused(self, error: LbdiscError, *, held: bool) -> None:
        self.words.put(f"refused {error}{' (held)' if held else ''}")

    def left(self, end: End) -> None:
        self.end.put(end)

    def next(self) -> str:
        return self.words.get(timeout=30)

    def ended(self) -> End:
        return self.end.get(timeout=30)


Begin = Callable[[Ledger], tuple[Holder, Heard]]


@pytest.fixture
def begin() -> Iterator[Begin]:
    begun: list[tuple[Ledger, Holder]] = []

    def begin(ledger: Ledger) -> tuple[Holder, Heard]:
        heard = Heard()
        begun.append((ledger, Holder(ledger, lambda: ENDPOINT, heard, PACE)))
        begun[-1][1].start()
        return begun[-1][1], heard

    yield begin
    for ledger, holder in begun:
        ledger.trouble = None
        holder.leave()
        holder.join(30)


def test_an_entry_is_registered_drained_and_taken_out(begin: Begin) -> None:
    ledger = Ledger()
    holder, heard = begin(ledger)
    assert heard.next() == "published ready"
    holder.drain()
    assert heard.next() == "published draining"
    holder.leave()
    assert heard.ended() == End(held=True)
    assert ledger.told == ["ready 127.0.0.1", "draining 127.0.0.1", "gone"]


def test_an_entry_that_was_not_drained_is_draining_before_it_goes(begin: Begin) -> None:
    ledger = Ledger()
    holder, heard = begin(ledger)
    heard.next()
    holder.leave()
    assert heard.ended() == End(held=True)
    assert ledger.told == ["ready 127.0.0.1", "draining 127.0.0.1", "gone"]


def test_a_name_of_another_is_waited_for_and_told_once(begin: Begin) -> None:
    ledger = Ledger()
    ledger.rival = "her"
    _, heard = begin(ledger)
    assert heard.next() == "waiting for her"
    eventually(lambda: ledger.puts > 2)
    ledger.rival = ""
    ledger.tell()
    assert heard.next() == "published ready"


def test_who_waits_touches_nothing_and_does_not_drain(begin: Begin) -> None:
    ledger = Ledger()
    ledger.rival = "her"
    holder, heard = begin(ledger)
    heard.next()
    holder.drain()
    ledger.rival = ""  # it is free, but whoever drains wants it no more
    ledger.tell()
    holder.leave()
    assert heard.ended() == End(held=False)
    assert ledger.told == []


def test_an_entry_taken_by_another_is_not_taken_out(begin: Begin) -> None:
    ledger = Ledger()
    holder, heard = begin(ledger)
    heard.next()
    ledger.rival = "her"
    assert heard.next() == "waiting for her"
    holder.leave()
    assert heard.ended() == End(held=True)
    assert ledger.told == ["ready 127.0.0.1"]


def test_a_lost_entry_is_back_at_once_and_told_again(begin: Begin) -> None:
    ledger = Ledger()
    ledger.lease = 3600.0
    _, heard = begin(ledger)
    heard.next()
    ledger.lose()
    assert heard.next() == "published ready"
    assert ledger.told == ["ready 127.0.0.1"] * 2


def test_an_entry_that_never_went_is_not_registered_again(begin: Begin) -> None:
    ledger = Ledger()
    ledger.lease = 3600.0
    _, heard = begin(ledger)
    heard.next()
    ledger.trouble = RegistrarError("down")
    ledger.tell()
    assert heard.next() == "refused down (held)"
    ledger.trouble = None
    while (word := heard.next()) == "refused down (held)":
        pass
    assert word == "kept ready"
    before = ledger.puts
    ledger.tell()
    eventually(lambda: ledger.puts > before)
    assert heard.words.empty()


def test_an_entry_whose_lease_is_over_is_not_called_held(begin: Begin) -> None:
    ledger = Ledger()
    _, heard = begin(ledger)
    heard.next()
    ledger.trouble = RegistrarError("down")
    eventually(lambda: heard.next() == "refused down")


def test_a_registry_that_cannot_tell_is_looked_at(begin: Begin) -> None:
    ledger = Ledger()
    ledger.lease, ledger.lost = 3600.0, None
    _, heard = begin(ledger)
    heard.next()
    ledger.entry = None
    eventually(lambda: ledger.entry == ENDPOINT)


def test_a_registrar_that_fails_is_opened_again(begin: Begin) -> None:
    ledger = Ledger()
    ledger.trouble = RegistrarError("down")
    _, heard = begin(ledger)
    assert heard.next() == "refused down"
    ledger.trouble = ZeroDivisionError()
    while (word := heard.next()) == "refused down":
        pass
    assert word == "refused the registrar broke: ZeroDivisionError"
    ledger.trouble = None
    while heard.next() != "published ready":
        pass


def test_even_hopeless_settings_are_tried_again(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "HOPELESS", (0.01, 0.02))
    ledger = Ledger()
    ledger.trouble = SettingsError("no such user")
    _, heard = begin(ledger)
    assert heard.next() == "refused no such user"
    ledger.trouble = None
    while heard.next() != "published ready":
        pass


def test_an_entry_that_could_not_be_taken_out_is_told_with_its_time(begin: Begin) -> None:
    ledger = Ledger()
    holder, heard = begin(ledger)
    heard.next()
    ledger.trouble = RegistrarError("down")
    heard.next()
    holder.leave()
    end = heard.ended()
    assert (end.held, str(end.error), end.expires_s) == (True, "down", LEASE)


def test_the_last_attempt_takes_out_what_a_broken_connection_could_not(begin: Begin) -> None:
    class Stuck(Ledger):
        """A connection that hangs until it is given up."""

        def put(self, endpoint: Endpoint) -> bool:
            if self.opened == 1 and self.entry is not None:
                self.stop.wait(30)
                raise RegistrarError("given up")
            return super().put(endpoint)

        def remove(self) -> None:
            if self.opened == 1:
                raise RegistrarError("given up")
            super().remove()

        def open(self, endpoint: Endpoint, stop: Event) -> "_GeneratorContextManager[Ledger]":
            self.stop = stop
            return super().open(endpoint, stop)

    ledger = Stuck()
    holder, heard = begin(ledger)
    heard.next()
    holder.leave()
    assert heard.ended() == End(held=True)
    assert (ledger.opened, ledger.told[-1]) == (2, "gone")


def test_a_registry_that_is_busy_is_not_asked_a_second_time(begin: Begin) -> None:
    ledger = Ledger()
    ledger.lease = 3600.0
    holder, heard = begin(ledger)
    heard.next()
    ledger.trouble = RegistryBusy("others come first")
    holder.leave()
    end = heard.ended()
    assert (str(end.error), end.expires_s, ledger.opened) == ("others come first", 3600.0, 1)


def test_a_put_whose_outcome_is_not_known_is_taken_out_without_another_put(begin: Begin) -> None:
    class Silent(Ledger):
        def put(self, endpoint: Endpoint) -> bool:
            super().put(endpoint)
            raise RegistrarError("no answer")

    ledger = Silent()
    holder, heard = begin(ledger)
    heard.next()
    holder.leave()
    assert heard.ended() == End(held=False)
    assert ledger.told == ["ready 127.0.0.1", "gone"]


def test_leaving_cuts_a_back_off_short(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "HOPELESS", (3600.0, 3600.0))
    ledger = Ledger()
    ledger.trouble = SettingsError("no such user")
    holder, heard = begin(ledger)
    assert heard.next() == "refused no such user"
    holder.leave()
    assert heard.ended() == End(held=False)


def test_all_renewals_are_counted_and_few_are_told() -> None:
    ledger = Ledger()
    told: list[int] = []
    holder = Holder(ledger, lambda: ENDPOINT, Heard(), PACE, renewed=lambda _, n: told.append(n))
    holder.start()
    eventually(lambda: len(told) > 2)
    holder.abandon()
    holder.join(30)
    # The first put made it known, and what came after the last that was told is not told.
    assert ledger.puts - 1 >= sum(told) >= len(told)
