"""Orders to a fleet, as they stand in the agents' own entries of the registry.

An agent publishes what its operators ask of all, a tag for each order, and in one tag what it made
of the orders of others. Whoever may write such an entry may ask: nothing in it is trusted, and each
agent decides by its own settings whether it takes any.
"""

import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, Self

from lbdisc import bounded_json
from lbdisc.durations import MOST as LONGEST
from lbdisc.errors import EntryError, shown
from lbdisc.handshake import Announcement
from lbdisc.showing import harmless
from lbdisc.values import MAX_WEIGHT, Endpoint, Problem, check_name

# On an agent's entry: each order behind the first, all answers, and whether it takes any at all.
ORDER_TAG, ANSWERS_TAG, TAKES_TAG = "o.", "a", "w"
MOST = 16  # orders that an agent publishes at a time
MOST_BYTES = 1024  # of one of them
ANSWERS = 8  # the newest that an agent publishes
PUBLISHED = 600.0  # seconds: who was away for less hears of it
STEP = 60.0  # seconds between two tellings of how long an order still holds
LATEST = 2**31 - 1  # turn
NAMES, WORDS = 64, 200  # characters of who ordered, and of why
APPLYING, ENDPOINTS = ("pause", "resume"), ("drain", "disable", "weight", "undo")
ASKS = (*APPLYING, *ENDPOINTS)
_LASTING = ("pause", "drain", "disable", "weight")
_ID = re.compile(r"[A-Za-z0-9_-]{6}")
_ID_LENGTH = 6
_PARTS = ("turn", "ask", "what", "for_s", "weight", "by", "why")

TAKEN, NOTHING, OFF, FULL, PINNED, STRANGE, FAILED = "tnofpsx"
_SAID: Mapping[str, tuple[Literal["taken", "refused"], str]] = {
    TAKEN: ("taken", ""),
    NOTHING: ("taken", "nothing to do there"),
    OFF: ("refused", "agent.fleet_orders is off there"),
    FULL: ("refused", "no more endpoints may be overruled there"),
    PINNED: ("refused", "a generation is pinned there"),
    STRANGE: ("refused", "not understood there, as by another version"),
    FAILED: ("refused", "its log says why"),
}
DONE = (TAKEN, NOTHING)


def said(answer: str) -> tuple[Literal["taken", "refused"], str]:
    """``taken`` or ``refused``, and why so, for people."""
    return _SAID.get(answer, _SAID[STRANGE])


def new_id() -> str:
    """What tells one order from all others: six characters, 32 bits."""
    return secrets.token_urlsafe(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetOrder:
    """What an operator asks of all agents that balance what it is about.

    Of two about the same the one with the higher ``turn`` counts, whoever gave it and whenever it
    is heard. ``for_s`` is how many seconds it holds from now, ``None`` until somebody ends it: no
    two clocks are compared. Raises ``EntryError`` when a part is wrong.
    """

    id: str
    turn: int
    ask: str
    what: str = ""
    for_s: float | None = None
    weight: int | None = None
    by: str = ""
    why: str = ""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise EntryError(f"bad id {shown(self.id)} of an order: six of A-Z a-z 0-9 _ -")
        if not _is_number(self.turn, int) or not 0 <= self.turn <= LATEST:
            raise EntryError(f"bad turn {shown(self.turn)} of an order: 0 to {LATEST}")
        if self.ask not in ASKS:
            raise EntryError(f"no order {shown(self.ask)} (known: {', '.join(ASKS)})")
        self._check_what()
        self._check_numbers()
        for name, most in (("by", NAMES), ("why", WORDS)):
            text = getattr(self, name)
            if not isinstance(text, str):
                raise EntryError(f"bad {name} {shown(text)} of an order: a text is needed")
            object.__setattr__(self, name, _short(text, most))

    def _check_what(self) -> None:
        if not isinstance(self.what, str):
            raise EntryError(f"bad endpoint {shown(self.what)} of an order: SERVICE/NAME is needed")
        if self.ask in APPLYING and self.what:
            raise EntryError(f"the order {self.ask} is about no endpoint: {shown(self.what)}")
        if self.ask in ENDPOINTS and (self.what or self.ask != "undo"):
            service, _, name = self.what.partition("/")
            check_name(service, what="service")
            check_name(name)

    def _check_numbers(self) -> None:
        if self.for_s is not None and not (
            self.ask in _LASTING
            and _is_number(self.for_s, int | float)
            and 0 < self.for_s <= LONGEST
        ):
            raise EntryError(f"bad time {shown(self.for_s)} of the order {self.ask}")
        if self.ask != "weight":
            good = self.weight is None
        else:
            good = _is_number(self.weight, int) and 0 <= (self.weight or 0) <= MAX_WEIGHT
        if not good:
            raise EntryError(f"bad weight {shown(self.weight)} of the order {self.ask}")

    @property
    def key(self) -> tuple[str, str] | None:
        """Service and name of the endpoint that it is about; ``None`` where it is about all."""
        service, slash, name = self.what.partition("/")
        return (service, name) if slash else None

    @property
    def tag(self) -> tuple[str, str]:
        """As it stands in an entry."""
        parts: list[Any] = [getattr(self, name) for name in _PARTS]
        if self.for_s is not None:
            parts[_PARTS.index("for_s")] = max(1, round(self.for_s))
        return f"{ORDER_TAG}{self.id}", json.dumps(parts, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def read(cls, id: str, text: str) -> Self:
        """The order in a tag. Raises ``EntryError``."""
        parts = bounded_json.load(text)
        if not isinstance(parts, list) or len(parts) != len(_PARTS):
            raise EntryError(f"no order: a list of {', '.join(_PARTS)} is needed")
        return cls(id=id, **dict(zip(_PARTS, parts, strict=True)))


def _short(text: str, most: int) -> str:
    """Printable, and of so many characters at most, also where some had to be escaped."""
    found = harmless(text, most)
    return found if len(found) <= most else f"{found[: most - 3]}..."


def _is_number(value: object, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


class Asking(Protocol):
    """What an order asks, and of whom."""

    @property
    def ask(self) -> str: ...
    @property
    def what(self) -> str: ...


def covers(later: Asking, earlier: Asking) -> bool:
    """Whether ``later`` leaves nothing of what ``earlier`` asked."""
    if later.ask in APPLYING:
        return earlier.ask in APPLYING
    if earlier.ask not in ENDPOINTS or later.ask not in ENDPOINTS:
        return False
    return later.what == earlier.what or (later.ask == "undo" and not later.what)


def concerns(order: FleetOrder, asking: Announcement, asked: Announcement) -> bool:
    """Whether the agent ``asked`` is one of those that ``asking`` asks.

    For an endpoint all that balance its service; else all that share a service with ``asking``.
    """
    if order.key is not None:
        return asked.balances(order.key[0])
    if not (asking.services and asked.services):
        return True
    return not set(asking.services).isdisjoint(asked.services)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetWord:
    """What an agent's entry says of orders, as far as it can be read.

    ``takes`` is ``None`` for one that does not know of any. Orders whose ids are ``strange`` are
    none that this version understands; ``problem`` is what is wrong with the entry, if anything.
    """

    agent: Announcement
    takes: bool | None = None
    orders: tuple[FleetOrder, ...] = ()
    strange: tuple[str, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    problem: Problem | None = None

    @classmethod
    def read(cls, entry: Endpoint) -> Self:
        """Never raises. Orders count only under the name that the entry's digest is bound to."""
        agent = Announcement.read(entry)
        texts = [(n.removeprefix(ORDER_TAG), text) for n, text in entry.tags if _is_order(n)]
        wrong = []
        if texts and agent.digest is None:
            wrong, texts = ["orders in an entry that is no agent's own"], []
        if len(texts) > MOST:
            wrong.append(f"{len(texts)} orders: at most {MOST}")
        orders, strange = [], []
        for id, text in texts[:MOST]:
            try:
                orders.append(FleetOrder.read(id, text))
            except EntryError as error:
                wrong.append(f"order {id}: {error}")
                strange += [id] if _ID.fullmatch(id) else []
        return cls(
            agent=agent,
            takes={"1": True, "0": False}.get(entry.tag(TAKES_TAG)),
            orders=tuple(orders),
            strange=tuple(strange),
            answers=dict(_answers(entry.tag(ANSWERS_TAG))),
            problem=Problem("/".join(entry.key), "; ".join(wrong[:3])) if wrong else None,
        )


def _is_order(tag: str) -> bool:
    return tag.startswith(ORDER_TAG)


def _answers(text: str) -> Iterable[tuple[str, str]]:
    for at in range(0, min(len(text), ANSWERS * (_ID_LENGTH + 1)), _ID_LENGTH + 1):
        word = text[at : at + _ID_LENGTH + 1]
        if len(word) > _ID_LENGTH:
            yield word[:_ID_LENGTH], word[_ID_LENGTH:]


def tags(
    *, takes: bool, orders: Iterable[FleetOrder] = (), answers: Sequence[tuple[str, str]] = ()
) -> tuple[tuple[str, str], ...]:
    """What an agent says of orders, for its entry; of its ``answers`` the last ones."""
    found = [(TAKES_TAG, "1" if takes else "0"), *(order.tag for order in orders)]
    if answers:
        found.append((ANSWERS_TAG, "".join(id + word for id, word in answers[-ANSWERS:])))
    return tuple(found)
