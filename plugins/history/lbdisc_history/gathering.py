"""What a journal has of one node, from its end back to when the node came last."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lbdisc.events.parts import Key, key_of, listed
from lbdisc.values import Endpoint
from lbdisc_history.lines import Entry
from lbdisc_history.reading import JournalFolder

MOST = 20_000  # entries of one node that are looked at
# Of these the newest that names the node counts.
_NEWEST = (
    *("guard held", "guard released", "endpoint flaps", "endpoint is calm", "drain acknowledged"),
    *("drain begun", "drain over", "overruled", "overruled no more", "servers"),
)


@dataclass(slots=True)
class Gathered:
    """Entries about one node. ``found`` has the newest of each kind that says something of it.

    Kinds are the names of events, and for generations ``applied`` (of whatever kind), ``came`` and
    ``went``; for the registry's news ``news`` and ``news went``. ``listed`` is what the last
    generation serves of it, where no entry of one names it.
    """

    service: str
    name: str
    found: dict[str, Entry] = field(default_factory=dict)
    listed: Endpoint | None = None

    @property
    def key(self) -> Key:
        return self.service, self.name

    @property
    def is_served(self) -> bool:
        """As the last generation says."""
        last = self.found.get("applied")
        return self.listed is not None if last is None else not _names(last, "went", self.key)

    def take(self, entry: Entry) -> bool:
        """Take in an entry older than all before; whether there is no need of more."""
        for kind in self._kinds(entry):
            self.found.setdefault(kind, entry)
        return "came" in self.found and entry["event"] == "news" and _names(entry, "came", self.key)

    def _kinds(self, entry: Entry) -> Iterator[str]:
        event = entry["event"]
        if event == "running":
            yield from self._of_running(entry)
        elif event == "news":
            yield from self._of_news(entry)
        elif event in ("entry skipped", "entry mended"):
            if any(is_at(p["where"], self.service, self.name) for p in listed(entry, "entries")):
                yield event
        elif event in _NEWEST and self._is_named(entry):
            yield event
        elif event == "servers" and entry.get("first"):
            yield "first look"

    def _of_running(self, entry: Entry) -> Iterator[str]:
        for kind, key in (("came", "came"), ("went", "went"), ("changed", "changed")):
            if _names(entry, key, self.key):
                yield kind
                yield "applied"

    def _of_news(self, entry: Entry) -> Iterator[str]:
        for key in ("came", "went", "changed"):
            if _names(entry, key, self.key):
                yield "news"
        if _names(entry, "went", self.key):
            yield "news went"

    def _is_named(self, entry: Entry) -> bool:
        if "endpoint" in entry:
            return (entry.get("service"), entry.get("endpoint")) == self.key
        return any(_names(entry, key, self.key) for key in ("endpoints", "changed"))


def gather(journal: JournalFolder, name: str, service: str = "") -> list[Gathered]:
    """What is known of all nodes of that ``name``, by their service; of ``service`` if given."""
    found: dict[str, Gathered] = {}
    done: set[str] = set()
    first: dict[str, Entry] = {}  # it names nobody who is up
    needles = (f'"{name}"'.encode(), f"/{name}".encode(), b'"first":true')
    for count, (_, entry) in enumerate(journal.backwards(*needles)):
        if entry.get("first"):
            first.setdefault("first look", entry)
        for one in _services(entry, name):
            if one not in found and service in ("", one):
                found[one] = Gathered(one, name, dict(first))
        for one, gathered in found.items():
            if one not in done and gathered.take(entry):
                done.add(one)
        if count > MOST or (found and done >= found.keys() and (service or count > 100)):
            break
    return [found[one] for one in sorted(found)]


def _services(entry: Entry, name: str) -> set[str]:
    """Those in which ``entry`` names such a node."""
    found = {e["service"] for e in endpoints_in(entry) if e["name"] == name}
    if entry.get("endpoint") == name:
        found.add(entry["service"])
    for problem in listed(entry, "entries"):
        parts = problem["where"].split("/")
        if len(parts) > 1 and is_at(problem["where"], parts[-2], name):
            found.add(parts[-2])
    return found


def endpoints_in(entry: Entry) -> Iterator[Mapping[str, Any]]:
    """All endpoints and servers that ``entry`` names."""
    for key in ("came", "went", "endpoints", "changed"):
        for each in listed(entry, key):
            yield each[1] if isinstance(each, list) else each


def is_at(where: str, service: str, name: str) -> bool:
    """Whether a problem at ``where``, a path in a registry, is that of the node's entry."""
    path = f"/{where}".removesuffix(".json")
    return path.endswith(f"/{service}/{name}")


def _names(entry: Entry, key: str, node: Key) -> bool:
    for each in listed(entry, key):
        if key_of(each[1] if isinstance(each, list) else each) == node:
            return True
    return False
