"""What host names lead to, asked beside everything else: nobody ever waits for a name server.

An address that a name has led to counts for ``MEMORY`` seconds more, so that a name that leads here
and there in turn is judged by both. A name server that is silent changes nothing of what is known.
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from threading import Condition, Thread

from lbdisc.screening.asking import NameAnswer, ask
from lbdisc.screening.turns import Turns

AT_ONCE = 32  # questions under way, each in a thread of its own
SILENT = 8  # of them those for names that nobody answered for before
A_SECOND = 50  # questions: ten thousand names are asked for every 200 s
AGAIN = 5.0  # seconds after an answer until a name is asked for again, at the least
MOST = 300.0  # seconds between two questions for a name that nobody answers for
MEMORY = 300.0  # seconds
CROWD = 20_000  # names; more are not remembered when nobody wants them
PATIENCE = 1.0  # seconds without an answer after which it is said that there is none


@dataclass(slots=True)
class _Host:
    addresses: dict[str, float] = field(default_factory=dict)  # when each was seen last
    answered: bool = False  # also if only that there is no such name
    late: bool = False
    wanted: bool = True
    due: float = 0.0
    pause: float = field(default_factory=lambda: AGAIN)


class Hosts:
    """The names that somebody wants to know about. All methods may be called from any thread.

    ``wake`` is called, from a thread, when ``changed`` has something new.
    """

    def __init__(
        self,
        wake: Callable[[], None] = lambda: None,
        *,
        asking: Callable[[str], NameAnswer] = ask,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.wake = wake
        self._ask = asking
        self._clock = clock
        self._condition = Condition()
        self._hosts: dict[str, _Host] = {}
        self._changed: set[str] = set()
        self._told = True
        self._turns = Turns(AT_ONCE)
        self._vain = Turns(SILENT)
        self._new: deque[tuple[float, str]] = deque()  # when it is late
        self._thread: Thread | None = None

    def want(self, hosts: Iterable[str]) -> None:
        """Ask for these from now on, too."""
        with self._condition:
            now = self._clock()
            for host in hosts:
                its = self._hosts.setdefault(host, _Host())
                if not its.due or not its.wanted:
                    its.wanted, its.due = True, now
                    self._turns.put(host, now)
                    self._new.append((now + PATIENCE, host))
            self._go_on()

    def forget(self, hosts: Iterable[str]) -> None:
        """Ask for these no more; what they led to counts as long as of others."""
        with self._condition:
            for host in hosts:
                if host in self._hosts:
                    self._hosts[host].wanted = False

    def close(self) -> None:
        """Ask for nothing any more."""
        with self._condition:
            self._hosts.clear()
            self._condition.notify_all()

    def saw(self, host: str, addresses: Collection[str]) -> None:
        """The load balancer has these addresses for ``host``."""
        with self._condition:
            if (its := self._hosts.get(host)) is not None and its.wanted:
                self._learn(host, its, addresses)

    def addresses(self, host: str) -> tuple[str, ...]:
        """All that count; none where none is known."""
        with self._condition:
            its = self._hosts.get(host)
            return tuple(sorted(its.addresses)) if its else ()

    def is_answered(self, host: str) -> bool:
        """Whether anybody ever said anything of it, be it that it does not exist."""
        with self._condition:
            its = self._hosts.get(host)
            return its is not None and its.answered

    def is_late(self, host: str) -> bool:
        """Whether it has taken long by now."""
        with self._condition:
            its = self._hosts.get(host)
            return its is not None and its.late

    def changed(self) -> frozenset[str]:
        """Those of which more is known than at the last call."""
        with self._condition:
            found, self._changed = frozenset(self._changed), set()
            return found

    def settle(self, hosts: Collection[str], limit: float = PATIENCE) -> None:
        """Wait until all ``hosts`` are answered, ``limit`` seconds at most: for who asks once."""
        self.want(hosts)
        with self._condition:
            self._condition.wait_for(
                lambda: all(h not in self._hosts or self._hosts[h].answered for h in hosts), limit
            )

    def _go_on(self) -> None:
        if self._hosts and self._thread is None:
            self._thread = Thread(target=self._run, name="lbdisc-names", daemon=True)
            self._thread.start()
        self._condition.notify_all()

    def _run(self) -> None:
        """Start what is due, until there is no name left."""
        while self._turn():
            if not self._told:
                self._told = True
                self.wake()
        # Whoever wants a name again starts another.

    def _turn(self) -> bool:
        with self._condition:
            self._look_who_is_late(self._clock())
            for turns in (self._turns, self._vain):
                for host, when in turns.due(self._clock()):
                    self._start(host, when, turns)
            if not self._hosts:
                self._thread = None
                return False
            if self._told:
                times = [self._turns.next, self._vain.next, self._new[0][0] if self._new else None]
                due = min((at for at in times if at is not None), default=None)
                wait = None if due is None else max(due - self._clock(), 0.0)
                self._condition.wait(wait)
            return True

    def _start(self, host: str, when: float, turns: Turns) -> None:
        its = self._hosts.get(host)
        if its is not None and its.due == when and self._is_wanted(host, its):
            try:
                self._begin(host, turns)
            except RuntimeError:  # no thread to be had; it is asked for later
                turns.over()
                self._take(host, its, NameAnswer())
        else:
            turns.over()

    def _begin(self, host: str, turns: Turns) -> None:
        Thread(target=self._work, args=(host, turns), name="lbdisc-name", daemon=True).start()

    def _is_wanted(self, host: str, its: _Host) -> bool:
        """Who is not wanted goes when what it led to does not count any more."""
        if its.wanted:
            return True
        last = max(its.addresses.values(), default=float("-inf"))
        if last > self._clock() - MEMORY and len(self._hosts) < CROWD:
            its.due = last + MEMORY
            self._turns.put(host, its.due)
        else:
            del self._hosts[host]
        return False

    def _look_who_is_late(self, now: float) -> None:
        while self._new and self._new[0][0] <= now:
            host = self._new.popleft()[1]
            its = self._hosts.get(host)
            if its is not None and not its.answered:
                its.late = True
                self._note(host)

    def _work(self, host: str, turns: Turns) -> None:
        try:
            answer = self._ask(host)
        except Exception:  # noqa: BLE001 - a name that no resolver takes is one nobody answers for
            answer = NameAnswer()
        with self._condition:
            turns.over()
            if (its := self._hosts.get(host)) is not None:
                self._take(host, its, answer)
            self._condition.notify_all()

    def _take(self, host: str, its: _Host, answer: NameAnswer) -> None:
        now = self._clock()
        if not answer.given:
            its.pause = min(its.pause * 2, MOST)
            its.due = now + its.pause
            self._vain.put(host, its.due)
            return
        its.pause = AGAIN
        its.due = now + max(AGAIN, len(self._hosts) / A_SECOND)
        self._turns.put(host, its.due)
        if not its.answered:
            its.answered = True
            self._note(host)
        self._learn(host, its, answer.addresses)

    def _learn(self, host: str, its: _Host, addresses: Collection[str]) -> None:
        if not addresses:
            return
        now, before = self._clock(), set(its.addresses)
        its.addresses |= dict.fromkeys(addresses, now)
        its.addresses = {a: at for a, at in its.addresses.items() if at > now - MEMORY}
        if set(its.addresses) != before:
            self._note(host)

    def _note(self, host: str) -> None:
        self._changed.add(host)
        self._told = False
        self._condition.notify_all()
