"""The values that travel through lbdisc: frozen, hashable, ordered; equal states are equal objects.

They hold no clock, no source and no client, and an ``Endpoint`` that exists is valid: every rule is
checked when it is made, so nothing a registry holds can reach a configuration unchecked.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Literal, Self, get_args

from lbdisc.addresses import check_address
from lbdisc.errors import EntryError, shown
from lbdisc.sequences import changed_part
from lbdisc.showing import plain

State = Literal["ready", "draining"]
STATES: tuple[str, ...] = get_args(State)
MAX_WEIGHT = 256  # HAProxy's own limit (configuration manual 5.2, "weight")
# All of an endpoint's tags take less than half of ``records.MAX_RECORD``, also where JSON writes
# each character in six of its own.
MAX_TAGS = 64
MAX_TAG = 1024  # characters of one text
MAX_ALL_TAGS = 8 * 1024  # bytes of all names and texts, in UTF-8
RESERVED = "_"
MOST_WHERE, MOST_WHAT = 200, 600  # characters of a problem
NAMED = 100  # problems of one snapshot; more are counted

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_KEY = attrgetter("service", "name")
_SERVICE = attrgetter("service")


def check_name(value: object, *, what: str = "name") -> str:
    """Return ``value`` if it may name an endpoint or a service; raise ``EntryError`` if not."""
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    raise EntryError(f"bad {what} {shown(value)}: 1 to 255 of A-Z a-z 0-9 . _ -, no sign at first")


def check_service(value: object) -> str:
    """Return ``value`` if it may name a service, be it one of lbdisc's own; else ``EntryError``."""
    if isinstance(value, str) and is_reserved(value):
        check_name(value[1:], what="service")
        return value
    return check_name(value, what="service")


def is_reserved(service: str) -> bool:
    """Whether ``service`` is one of lbdisc's own, which nobody balances: it begins with ``_``."""
    return service.startswith(RESERVED)


def _check_number(value: object, what: str, low: int, high: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    raise EntryError(f"bad {what} {shown(value)}: a whole number from {low} to {high}")


def size_of_tags(tags: Iterable[tuple[str, str]]) -> int:
    """The bytes of all names and texts together, as ``MAX_ALL_TAGS`` bounds them."""
    return sum(len(name) + len(text.encode(errors="surrogatepass")) for name, text in tags)


def _check_tags(value: object) -> tuple[tuple[str, str], ...]:
    pairs = value.items() if isinstance(value, Mapping) else value
    if not isinstance(pairs, Collection) or isinstance(pairs, str | bytes):
        raise EntryError(f"bad tags {shown(value)}: a table of texts")
    if len(pairs) > MAX_TAGS:
        raise EntryError(f"{len(pairs)} tags: at most {MAX_TAGS}")
    tags: dict[str, str] = {}
    for pair in pairs:
        if not (isinstance(pair, tuple | list) and len(pair) == 2):
            raise EntryError(f"bad tag {shown(pair)}: a name and a text")
        name, text = pair
        check_name(name, what="tag name")
        if not (isinstance(text, str) and len(text) <= MAX_TAG and text.isprintable()):
            raise EntryError(f"bad tag {name}={shown(text)}: up to {MAX_TAG} printable characters")
        tags[name] = text
    if (size := size_of_tags(tags.items())) > MAX_ALL_TAGS:
        raise EntryError(f"{size} bytes of tags: at most {MAX_ALL_TAGS}")
    return tuple(sorted(tags.items()))


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Endpoint:
    """One instance of a service, at ``address:port``. Raises ``EntryError`` when a part is wrong.

    ``weight`` is 0..256 (0: no new traffic), ``tags`` sorted pairs of name and printable text; a
    mapping may be given for ``tags``.
    """

    service: str
    name: str
    address: str
    port: int
    weight: int = 100
    state: State = "ready"
    tags: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        check_service(self.service)
        check_name(self.name)
        object.__setattr__(self, "address", check_address(self.address))
        _check_number(self.port, "port", 1, 65535)
        _check_number(self.weight, "weight", 0, MAX_WEIGHT)
        if self.state not in STATES:
            raise EntryError(f"bad state {shown(self.state)}: {' or '.join(STATES)}")
        object.__setattr__(self, "tags", _check_tags(self.tags))

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same endpoint after a change: service and name."""
        return self.service, self.name

    @property
    def draining(self) -> bool:
        return self.state == "draining"

    @property
    def host_port(self) -> str:
        """``address:port``, an IPv6 address in brackets (RFC 3986 3.2.2)."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address}:{self.port}"

    def tag(self, name: str, default: str = "") -> str:
        """The text of the tag ``name``, or ``default``."""
        return dict(self.tags).get(name, default)

    def drain(self) -> Self:
        """This endpoint, finishing its sessions and taking no new ones."""
        return replace(self, state="draining")

    def __str__(self) -> str:
        return f"{self.service}/{self.name}@{self.host_port}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """An entry that was skipped: ``where`` names it in the registry, ``what`` says why.

    Both are short and of printable ASCII, whatever they were made from.
    """

    where: str
    what: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "where", plain(self.where, MOST_WHERE))
        object.__setattr__(self, "what", plain(self.what, MOST_WHAT))

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The way from one snapshot to another; ``changed`` holds the newer side."""

    added: tuple[Endpoint, ...] = ()
    removed: tuple[Endpoint, ...] = ()
    changed: tuple[Endpoint, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All endpoints at one moment, sorted and unique by service and name.

    Make it with ``Snapshot.of``. ``problems`` names the entries that were skipped, and ``more``
    counts those that are not named: ``NAMED`` are. Neither counts for equality, as they change
    nothing of what is served.
    """

    endpoints: tuple[Endpoint, ...] = ()
    problems: tuple[Problem, ...] = field(default=(), compare=False)
    more: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        if (unnamed := len(self.problems) - NAMED) > 0:
            object.__setattr__(self, "problems", self.problems[:NAMED])
            object.__setattr__(self, "more", self.more + unnamed)

    @classmethod
    def of(
        cls, endpoints: Iterable[Endpoint], problems: Iterable[Problem] = (), more: int = 0
    ) -> Self:
        """Sort, and keep of two endpoints with one service and name the first in order.

        Who may have many ``problems`` gives what ``lbdisc.problems.Problems`` names, and ``more``.
        """
        unique: dict[tuple[str, str], Endpoint] = {}
        for endpoint in sorted(endpoints, key=_KEY):
            if endpoint < unique.setdefault(endpoint.key, endpoint):
                unique[endpoint.key] = endpoint
        return cls(tuple(unique.values()), tuple(sorted(set(problems))), more)

    def get(self, key: tuple[str, str]) -> Endpoint | None:
        """The endpoint of this service and name, if it is here."""
        at = bisect_left(self.endpoints, key, key=_KEY)
        found = self.endpoints[at] if at < len(self.endpoints) else None
        return found if found is not None and found.key == key else None

    def patched(self, put: Iterable[Endpoint], gone: Iterable[tuple[str, str]]) -> Self:
        """This snapshot with ``put`` added or replaced and the keys ``gone`` left out.

        Costs what changes, where ``of`` costs all of it.
        """
        endpoints = list(self.endpoints)
        for key in gone:
            at = bisect_left(endpoints, key, key=_KEY)
            if at < len(endpoints) and endpoints[at].key == key:
                del endpoints[at]
        for endpoint in put:
            at = bisect_left(endpoints, endpoint.key, key=_KEY)
            here = at < len(endpoints) and endpoints[at].key == endpoint.key
            endpoints[at : at + here] = [endpoint]
        return type(self)(tuple(endpoints), self.problems, self.more)

    @property
    def services(self) -> dict[str, tuple[Endpoint, ...]]:
        """The endpoints of each service that has any, by name, both sorted."""
        grouped: dict[str, tuple[Endpoint, ...]] = {}
        first = 0
        while first < len(self.endpoints):
            service = self.endpoints[first].service
            end = bisect_right(self.endpoints, service, lo=first, key=_SERVICE)
            grouped[service] = self.endpoints[first:end]
            first = end
        return grouped

    @property
    def public(self) -> Self:
        """The part that may be balanced: all but lbdisc's own services."""
        first = bisect_left(self.endpoints, RESERVED, key=_SERVICE)
        end = first
        while end < len(self.endpoints) and is_reserved(self.endpoints[end].service):
            end += 1
        if first == end:
            return self
        return type(self)(self.endpoints[:first] + self.endpoints[end:], self.problems, self.more)

    def only(self, services: Iterable[str]) -> Self:
        """The part that belongs to ``services``; problems are kept."""
        wanted = frozenset(services)
        grouped = self.services
        if wanted.issuperset(grouped):
            return self
        kept = (endpoint for name in grouped if name in wanted for endpoint in grouped[name])
        return type(self)(tuple(kept), self.problems, self.more)

    def tells_the_same(self, earlier: "Snapshot | None") -> bool:
        """Whether there is nothing in it, of problems neither, that was not in ``earlier``."""
        return earlier is not None and (self, self.problems, self.more) == (
            earlier,
            earlier.problems,
            earlier.more,
        )

    def since(self, earlier: "Snapshot") -> Change:
        """What came, went and changed between ``earlier`` and this snapshot."""
        # Most endpoints are the very same objects in both; only the others need a closer look.
        old, new = changed_part(earlier.endpoints, self.endpoints)
        shared = set(map(id, old)) & set(map(id, new))
        before = {e.key: e for e in old if id(e) not in shared}
        now = {e.key: e for e in new if id(e) not in shared}
        return Change(
            added=tuple(e for key, e in now.items() if key not in before),
            removed=tuple(e for key, e in before.items() if key not in now),
            changed=tuple(e for key, e in now.items() if before.get(key, e) != e),
        )

    def __len__(self) -> int:
        return len(self.endpoints)
