"""The wheel: what operators order, obeyed in the agent's loop, kept, told, and ended in time.

Endpoints are overruled between the guard, which never hears of it, and what is brought to life. A
pause has everything followed and nothing applied; a pin has the texts of an earlier generation run.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from lbdisc import events
from lbdisc.agent.bringing import Bringing
from lbdisc.agent.pinning import served_by, to_pin
from lbdisc.agent.status import Status
from lbdisc.agent.steered_keeping import SteeredKeeping
from lbdisc.agent.steering_times import SteadyClock
from lbdisc.agent.steering_waits import PausedLooks
from lbdisc.agent.steering_words import ends, named, of_whom
from lbdisc.durations import LEAST
from lbdisc.durations import MOST as LONGEST
from lbdisc.errors import LbdiscError
from lbdisc.events import Cause
from lbdisc.events.operator import Overruling
from lbdisc.hooks import Reloader
from lbdisc.listening.listeners import Tell
from lbdisc.orders import OperatorOrder, OrderReply
from lbdisc.showing import harmless
from lbdisc.state.overruling import MOST, Key, Override, Overrides, Term, stranded
from lbdisc.state.steered import Pin, SteeringState
from lbdisc.state.store import Store
from lbdisc.values import MAX_WEIGHT, Snapshot

ITSELF = "lbdisc"  # who ends what has an end
WORDS = 200  # characters of an operator's why
_HOW: Mapping[str, Overruling] = {"drain": "drain", "disable": "disable", "weight": "weight"}


class Steering:
    """All methods are for the agent's own thread."""

    def __init__(
        self,
        store: Store,
        tell: Tell,
        *,
        bringing: Bringing,
        reloader: Reloader,
        status: Status,
        clock: Callable[[], float],
    ) -> None:
        self._tell = tell
        self._bringing = bringing
        self._reloader = reloader
        self._status = status
        self._clock = clock
        self._folder = store.folder
        self._time = SteadyClock()
        self._kept = SteeredKeeping(store.steered_file, tell)
        self._now = store.steered().at(self._time.now())
        self._end_s = self._now.end_s
        self._base: Snapshot | None = None  # what the guard passed
        self._waits = PausedLooks(bringing, status.waits, clock)

    @property
    def left_out(self) -> frozenset[Key]:
        """Whom an operator has nothing sent to."""
        return self._now.overrides.left_out

    @property
    def due(self) -> float | None:
        """When something ends by itself, or there is something to say."""
        end = self._end_s
        times = [] if end is None else [self._clock() + end - self._time.now()]
        times += [self._waits.due] if self._waits.due is not None else []
        return min(times, default=None)

    def begin(self) -> None:
        """Go on with what was ordered before this start, and tell it."""
        if self._now.pause is not None:
            self._bringing.stands_still = True
            self.look_again()
        self._tell_again()
        self._say_unlisted()

    def _tell_again(self) -> None:
        """What holds, but for a pin."""
        for override in self._now.overrides.all:
            self._tell(_overruled(override, since_s=override.term.since_s))
        if (pause := self._now.pause) is not None:
            self._tell(_paused(pause, since_s=pause.since_s))

    def pin_again(self, known: Snapshot | None) -> None:
        """An agent before had something pinned, and served what is ``known``."""
        if (pin := self._now.pin) is not None:
            snapshot = served_by(pin.rendered, [known or Snapshot()], self._reloader)
            self._bringing.pin_again(snapshot, pin.rendered)
            self._tell(_pinned(pin, since_s=pin.term.since_s))

    def restored(self, served: Snapshot) -> Snapshot:
        """What the guard had passed, where ``served`` is what was made of it."""
        return self._now.overrides.restored(served)

    def overruled(self, passed: Snapshot) -> Snapshot:
        """What is to run, where the guard has ``passed`` that."""
        self._base = passed
        self._see(passed)
        return self._now.overrides.overruled(passed)

    def turn(self) -> None:
        """Let end what has an end, keep what is not kept, and say what waits."""
        if moved := self._time.look():
            self._set(self._now.moved(moved))
            self._tell_again()
            if (pin := self._now.pin) is not None:
                self._tell(_pinned(pin, since_s=pin.term.since_s))
        self._end_overdue(self._time.now())
        self._kept.look()
        self._waits.turn()

    def look_again(self) -> None:
        """The settings, or files, are others by now."""
        self._waits.anew(paused=self._now.pause is not None)

    def obey(self, order: OperatorOrder, by: str) -> OrderReply:
        """Do what is ordered, and say what was done or why not."""
        why = harmless(" ".join(order.why.split()), WORDS)
        try:
            term = Term(by=by, why=why, since_s=self._time.now(), for_s=_length(order.for_s))
            match order.ask:
                case "pause":
                    text = self._pause(term)
                case "resume":
                    text = self._resume(term)
                case "pin":
                    text = self._pin(order.file, term)
                case "undo":
                    text = self._undo(order.what, term)
                case _:
                    text = self._overrule(order, term)
        except LbdiscError as error:
            return OrderReply(False, str(error))
        unkept = self._kept.trouble
        return OrderReply(True, f"{text}{f'; NOT KEPT for a restart: {unkept}' if unkept else ''}")

    def _pause(self, term: Term) -> str:
        if self._now.pin is not None:
            raise LbdiscError(
                f"generation {self._now.pin.generation} is pinned: nothing of the registry is"
                " applied anyway; `lbdisc resume` ends that"
            )
        before = self._now.pause
        self._bringing.stands_still = True
        self._set(replace(self._now, pause=term))
        self._tell(_paused(term))
        instead = f", instead of {before.by}'s{ends(before)}" if before else ""
        return f"paused{ends(term)}{instead}: the registry is followed, nothing is applied"

    def _resume(self, term: Term) -> str:
        pin, pause = self._now.pin, self._now.pause
        if pin is None and pause is None:
            raise LbdiscError("nothing is paused or pinned")
        self._bringing.stands_still = False
        self._bringing.desired.pin(None)
        self._set(replace(self._now, pause=None, pin=None))
        self._tell(events.ApplyingResumed(by=term.by, why=term.why))
        self._bringing.go_on(_cause(term.by))
        what = f"generation {pin.generation} is pinned no more" if pin else "paused no more"
        return f"{what}: what the registry says is applied"

    def _pin(self, file: str, term: Term) -> str:
        if term.for_s is not None:
            raise LbdiscError("a pin holds until `lbdisc resume`: it has no time")
        generation, rendered = to_pin(self._folder, file)
        running = self._bringing.running
        known = [running.snapshot if running else Snapshot(), self._base or Snapshot()]
        pin = Pin(generation=generation, rendered=rendered, term=term)
        served = served_by(rendered, known, self._reloader)
        try:
            self._bringing.pin(served, rendered, _cause(f"{term.by}, generation {generation}"))
        except LbdiscError as error:
            raise LbdiscError(f"generation {generation} is not pinned: {error}") from error
        paused = self._now.pause is not None
        self._bringing.stands_still = False
        self._set(replace(self._now, pin=pin, pause=None))
        self._tell(_pinned(pin))
        more = ", and paused no more" if paused else ""
        return f"generation {generation} ({pin.digest}) runs, pinned until `lbdisc resume`{more}"

    def _overrule(self, order: OperatorOrder, term: Term) -> str:
        service, name = of_whom(order.what)
        if (how := _HOW.get(order.ask)) is None:
            raise LbdiscError(f"this agent does not know {order.ask}")
        if (order.ask == "weight") == (order.weight is None):
            raise LbdiscError("a weight goes with the order weight, and with no other")
        if order.weight is not None and not 0 <= order.weight <= MAX_WEIGHT:
            raise LbdiscError(f"bad weight {order.weight}: a whole number from 0 to {MAX_WEIGHT}")
        overrides = self._now.overrides
        if len(overrides.by_key) >= MOST and (service, name) not in overrides.by_key:
            raise LbdiscError(f"{MOST} endpoints are overruled here, and no more may be: undo some")
        override = Override(service=service, name=name, how=how, weight=order.weight, term=term)
        notes = self._have(overrides.having(override), term.by)
        override = self._now.overrides.by_key[override.key]
        self._tell(_overruled(override))
        if override.registered is None:
            notes.append("it is not listed, and kept in mind until it is")
        if self._now.pause or self._now.pin:
            notes.append("as nothing is applied now, that waits")
        return "; ".join([f"{named(override)}{ends(term)}", *notes])

    def _undo(self, what: str, term: Term) -> str:
        keys = [of_whom(what)] if what else [*self._now.overrides.by_key]
        gone = [each for key in keys if (each := self._now.overrides.by_key.get(key))]
        if not gone:
            raise LbdiscError(f"{what} is not overruled here" if what else "nothing is overruled")
        self._end(gone, term.by, term.why or "undone")
        names = ", ".join("/".join(each.key) for each in gone[:10])
        more = f" and {len(gone) - 10} more" if len(gone) > 10 else ""
        return f"as the registry says again: {names}{more}"

    def _end_overdue(self, now_s: float) -> None:
        if self._end_s is None or now_s < self._end_s:
            return
        if over := [each for each in self._now.overrides.all if each.term.is_over(now_s)]:
            self._end(over, ITSELF, "its time is over")
        if (pause := self._now.pause) is not None and pause.is_over(now_s):
            self._resume(Term(by=ITSELF, why="its time is over", since_s=now_s))

    def _end(self, gone: Iterable[Override], by: str, why: str) -> None:
        over = tuple(gone)
        self._have(self._now.overrides.without(each.key for each in over), by)
        for each in over:
            self._tell(
                events.OverrulingEnded(
                    service=each.service, endpoint=each.name, how=each.how, by=by, why=why
                )
            )

    def _have(self, overrides: Overrides, by: str) -> list[str]:
        """From now on ``overrides``; what an operator should know of that."""
        base = self._base
        if base is None:  # nothing is known of the registry yet
            self._set(replace(self._now, overrides=overrides))
            return []
        before, overrides = self._now.overrides.overruled(base), overrides.seen(base)
        after = overrides.overruled(base)
        self._set(replace(self._now, overrides=overrides))
        self._bringing.want(after, arrived=self._clock(), cause=_cause(by))
        services = sorted({e.service for e in before.endpoints})
        left = [service for service in services if stranded(before, after, service)]
        return [f"{service} has no server left here that takes new traffic" for service in left]

    def _see(self, passed: Snapshot) -> None:
        seen = self._now.overrides.seen(passed)
        if seen is not self._now.overrides:
            self._now = replace(self._now, overrides=seen)
            self._kept.later(self._now)
            self._say_unlisted()

    def _set(self, steered: SteeringState) -> None:
        self._now = steered
        self._end_s = steered.end_s
        self._kept.keep(steered)
        self.look_again()
        self._say_unlisted()

    def _say_unlisted(self) -> None:
        self._status.unlisted(frozenset(each.key for each in self._now.overrides.unlisted))


def _length(for_s: float | None) -> float | None:
    if for_s is None or LEAST <= for_s <= LONGEST:
        return for_s
    raise LbdiscError(f"bad time of {for_s:g} s: from {LEAST:g} to {LONGEST:g}")


def _cause(by: str) -> Cause:
    return Cause(source="operator", revision=by)


def _paused(term: Term, since_s: float | None = None) -> events.ApplyingPaused:
    return events.ApplyingPaused(by=term.by, why=term.why, until_s=term.until_s, since_s=since_s)


def _pinned(pin: Pin, since_s: float | None = None) -> events.GenerationPinned:
    term = pin.term
    return events.GenerationPinned(
        pinned=pin.generation, digest=pin.digest, by=term.by, why=term.why, since_s=since_s
    )


def _overruled(override: Override, since_s: float | None = None) -> events.EndpointOverruled:
    term = override.term
    return events.EndpointOverruled(
        service=override.service,
        endpoint=override.name,
        how=override.how,
        weight=override.weight,
        by=term.by,
        why=term.why,
        until_s=term.until_s,
        since_s=since_s,
    )
