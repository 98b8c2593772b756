"""What is wrong with the entries of a registry, however many they are: some named, all counted."""

from collections.abc import Hashable
from typing import Generic, TypeVar

from lbdisc.values import NAMED, Problem

K = TypeVar("K", bound=Hashable)
_BETWEEN = "\n"  # no problem holds one


class Problems(Generic[K]):
    """The problems of a reader's entries by key. Each call costs the same however many there are.

    The first ``NAMED`` are ``named``, ``more`` counts the others; one that is over makes room for
    another. Those are kept as mere texts: a hundred thousand cost some 30 MB.
    """

    def __init__(self) -> None:
        self._named: dict[K, Problem] = {}
        self._others: dict[K, str] = {}
        self._sorted: tuple[Problem, ...] | None = ()

    def put(self, key: K, problem: Problem) -> None:
        """From now on this is wrong with the entry ``key``."""
        if key in self._named or (key not in self._others and len(self._named) < NAMED):
            if self._named.get(key) != problem:
                self._named[key] = problem
                self._sorted = None
        else:
            self._others[key] = f"{problem.where}{_BETWEEN}{problem.what}"

    def drop(self, key: K) -> None:
        """Nothing is wrong with the entry ``key`` any more, if anything was."""
        if self._named.pop(key, None) is None:
            self._others.pop(key, None)
            return
        self._sorted = None
        if self._others:
            other, text = self._others.popitem()
            where, _, what = text.partition(_BETWEEN)
            self._named[other] = Problem(where, what)

    @property
    def named(self) -> tuple[Problem, ...]:
        """At most ``NAMED``, sorted, for ``Snapshot.problems``."""
        if self._sorted is None:
            self._sorted = tuple(sorted(self._named.values()))
        return self._sorted

    @property
    def more(self) -> int:
        """How many are not named, for ``Snapshot.more``."""
        return len(self._others)

    def __contains__(self, key: object) -> bool:
        return key in self._named or key in self._others

    def __len__(self) -> int:
        return len(self._named) + len(self._others)
