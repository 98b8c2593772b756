"""Who is at fault when a configuration is refused: those it names, else by halving. Pure.

The check is handed in; what it costs is bounded by a budget. What passed once is the base: only
endpoints that came or changed since are suspects.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lbdisc.values import Endpoint, Problem, Snapshot


class Blames(Protocol):
    """A refusal: why, and of whom it speaks."""

    @property
    def words(self) -> str:
        """Why, in one line."""

    def naming(self, suspects: Sequence["Suspect"]) -> Mapping["Suspect", str]:
        """Those of ``suspects`` that it names, each with the words for it."""


Check = Callable[[Snapshot], Blames | None]  # None: it passes


@dataclass(frozen=True, slots=True)
class Suspect:
    """An endpoint that may be at fault, and what is served ``instead`` of it, if anything."""

    endpoint: Endpoint
    instead: Endpoint | None = None

    def problem(self, words: str) -> Problem:
        """That it is refused by ``words``."""
        kept = "it is served as it was before" if self.instead else "left out"
        return Problem(str(self.endpoint), f"{kept}: {words}")


@dataclass(slots=True)
class Spent(Exception):
    """The budget is used up."""


@dataclass(slots=True)
class Budget:
    """So many ``checks`` and no longer than ``until``, in seconds of ``clock``."""

    checks: int
    until: float
    clock: Callable[[], float]

    def spend(self) -> None:
        """Take one check. Raises ``Spent``."""
        if self.checks <= 0 or self.clock() >= self.until:
            raise Spent
        self.checks -= 1


@dataclass(frozen=True, slots=True)
class Blame:
    """``culprits`` and the words for each; ``unsure`` are suspects that the budget left over.

    With neither, no suspect is at fault: also what passed once is refused now.
    """

    culprits: dict[Suspect, str] = field(default_factory=dict)
    unsure: tuple[Suspect, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.culprits or self.unsure)


def suspects(base: Snapshot, wanted: Snapshot) -> list[Suspect]:
    """Who came or changed since ``base``.

    One that is served stays as it was if its address, port and state are the same still: what the
    registry says of it is not that traffic should go elsewhere.
    """
    change = wanted.since(base)
    found = [Suspect(endpoint) for endpoint in change.added]
    return found + [Suspect(e, instead_of(e, base.get(e.key))) for e in change.changed]


def instead_of(endpoint: Endpoint, before: Endpoint | None) -> Endpoint | None:
    """``before`` if it may go on being served although ``endpoint`` is refused."""
    if before is None or before == endpoint:
        return None
    same = (before.address, before.port, before.state)
    return before if same == (endpoint.address, endpoint.port, endpoint.state) else None


def without(wanted: Snapshot, left_out: Iterable[Suspect]) -> Snapshot:
    """``wanted`` with what is served instead of each of ``left_out``."""
    out = list(left_out)
    return wanted.patched(
        [s.instead for s in out if s.instead is not None],
        [s.endpoint.key for s in out if s.instead is None],
    )


def blame(
    wanted: Snapshot,
    suspected: Sequence[Suspect],
    refusal: Blames,
    check: Check,
    budget: Budget,
    *,
    base_passes: bool = False,
) -> Blame:
    """Who of ``suspected`` makes the check refuse ``wanted``, as ``refusal`` says that it does.

    Whether all passes without them is asked first, unless it is known (``base_passes``).

    Without the culprits and the unsure it passes. Where each culprit is bad by itself, it is those
    exactly, but for whom a refusal names in vain.
    """
    search = _Search(wanted, suspected, check, budget)
    try:
        return search.by_name(refusal) or search.by_halves(base_passes=base_passes)
    except Spent:
        return search.result()


class _Search:
    def __init__(
        self, wanted: Snapshot, suspected: Sequence[Suspect], check: Check, budget: Budget
    ) -> None:
        self._wanted = wanted
        self._all = list(suspected)
        self._check_now = check
        self._budget = budget
        self._good: set[Suspect] = set()
        self._culprits: dict[Suspect, str] = {}

    def _refusal(self, those_in: Iterable[Suspect]) -> Blames | None:
        self._budget.spend()
        there = self._good.union(those_in)
        return self._check_now(without(self._wanted, (s for s in self._all if s not in there)))

    def by_name(self, refusal: Blames) -> Blame | None:
        """Leave out whom the words name, as long as they name anybody; ``None`` if in vain."""
        named: dict[Suspect, str] = {}
        left = self._all
        while found := refusal.naming(left):
            named.update(found)
            left = [suspect for suspect in left if suspect not in named]
            again = self._refusal(left)
            if again is None:
                return Blame(named)
            refusal = again
        return None

    def by_halves(self, *, base_passes: bool) -> Blame:
        """Find the culprits among all; those that are none of them add to what is good."""
        if base_passes or self._refusal(()) is None:
            self._halve(self._all, None)
        else:
            self._all = []
        return self.result()

    def result(self) -> Blame:
        """What is known by now."""
        known = self._good.union(self._culprits)
        unsure = tuple(suspect for suspect in self._all if suspect not in known)
        return Blame(self._culprits, unsure)

    def _halve(self, group: list[Suspect], refusal: Blames | None) -> None:
        """``group`` is refused together with what is good, by ``refusal`` if that was asked."""
        if len(group) == 1:
            self._convict(group[0], refusal or self._refusal(group))
            return
        middle = len(group) // 2
        left, right = group[:middle], group[middle:]
        refusal = self._take(left)
        if refusal is None:
            self._halve(right, None)
            return
        self._halve(left, refusal)
        refusal = self._take(right)
        if refusal is not None:
            self._halve(right, refusal)

    def _take(self, group: list[Suspect]) -> Blames | None:
        """Add ``group`` to what is good, unless it is refused."""
        refusal = self._refusal(group)
        if refusal is None:
            self._good.update(group)
        return refusal

    def _convict(self, suspect: Suspect, refusal: Blames | None) -> None:
        if refusal is None:
            self._good.add(suspect)
        else:
            self._culprits[suspect] = refusal.words
