"""Asking the machine's resolver for host names, without waiting longer than there is time."""

import socket
import time
from collections.abc import Collection
from threading import Condition, Thread

AT_ONCE = 32  # questions under way
GOOD_FOR = 5.0  # seconds that an answer counts


class Lookups:
    """Questions that took too long go on in the background: the next one may have the answer."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._answered: dict[str, float] = {}  # when, by name; found or not
        self._silent: dict[str, float] = {}  # since when nobody answers; not waited for again soon
        self._wanted: list[str] = []
        self._under_way: set[str] = set()

    def unanswered(self, names: Collection[str], limit: float) -> frozenset[str]:
        """Those of ``names`` that nobody says anything of within ``limit`` seconds.

        That a name does not exist is an answer. One that comes after the limit is the next one's.
        """
        began = time.monotonic()
        with self._changed:
            for name in names:
                late = name in self._silent and self._answered.get(name, 0.0) > began - GOOD_FOR
                if not late:
                    self._answered.pop(name, None)
                    self._ask(name)
            awaited = {name for name in names if self._silent.get(name, 0.0) < began - GOOD_FOR}
            self._changed.wait_for(lambda: self._answered.keys() >= awaited, limit)
            silent = frozenset(name for name in names if name not in self._answered)
            for name in set(names) - silent:
                self._silent.pop(name, None)
            self._silent |= dict.fromkeys(silent & awaited, time.monotonic())
            return silent

    def _ask(self, name: str) -> None:
        if name in self._under_way or name in self._wanted:
            return
        self._wanted.append(name)
        if len(self._under_way) < AT_ONCE:
            first = self._wanted.pop(0)
            self._under_way.add(first)
            Thread(target=self._work, args=(first,), name="lbdisc-lookup", daemon=True).start()

    def _work(self, name: str) -> None:
        while name:
            answered = _is_answered(name)
            with self._changed:
                self._under_way.discard(name)
                if answered:
                    self._answered[name] = time.monotonic()
                self._changed.notify_all()
                name = self._wanted.pop(0) if self._wanted else ""
                if name:
                    self._under_way.add(name)


def _is_answered(name: str) -> bool:
    """Whether it is found, or known not to be there: HAProxy asks as quickly."""
    began = time.monotonic()
    try:
        socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return time.monotonic() < began + 2.0
    return True
