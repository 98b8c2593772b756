"""Whether the agents of one registry agree: what each lists, its settings and its version.

Each agent publishes a short digest of these in its own entry. Agents that share a service are one
fleet; an agent under another prefix, or in another registry, is seen by nobody here.
"""

import re
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Self

from lbdisc.values import Snapshot

if TYPE_CHECKING:
    from lbdisc.handshake import Announcement

LIMIT = 30.0  # seconds that agents may differ: a change takes its time to come everywhere
_CHARACTERS = 5  # of a hash: 30 bits
_VERSION = 8  # characters
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
# Anybody may write what reads like one: so many digits are a time that can be compared.
_DIGEST = re.compile(r"([^.]*)\.([^.]*)\.([0-9a-z]{1,10})\.(.*)", re.S)
PARTS = ("services", "list", "settings", "version")


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What an agent says of itself; ``since`` (unix seconds) it has been so."""

    listed: str
    settings: str
    version: str
    since: int

    def __str__(self) -> str:
        """About 24 characters: an entry in Serf has 512 bytes for everything."""
        return f"{self.listed}.{self.settings}.{_base36(self.since)}.{self.version}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """``None`` where it is none, or one of another kind."""
        found = _DIGEST.fullmatch(text)
        if found is None:
            return None
        listed, settings, since, version = found.groups()
        return cls(listed=listed, settings=settings, version=version, since=int(since, 36))


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"


def digest_of(parts: Iterable[str]) -> str:
    """A few characters that stand for ``parts``, in their order."""
    found = sha256()
    for part in parts:
        found.update(f"{len(part)} {part}".encode())
    return urlsafe_b64encode(found.digest())[:_CHARACTERS].decode()


def listed(snapshot: Snapshot) -> str:
    """What stands for all that is listed, with weights, states and tags."""
    return digest_of(f"{e} {e.weight} {e.state} {e.tags}" for e in snapshot.endpoints)


def short(version: str) -> str:
    return version[:_VERSION]


@dataclass(frozen=True, slots=True)
class Difference:
    """``agent`` differs from most of its fleet in ``parts``, for ``seconds``; 0 if not known.

    ``parts`` are of ``PARTS``; ``("digest",)``: it says nothing of itself, as older ones do.
    """

    agent: str
    parts: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        return ", ".join(self.parts)


def differences(agents: Sequence["Announcement"], unix_s: float) -> tuple[Difference, ...]:
    """Who differs at ``unix_s``; where there is no majority, all do."""
    return tuple(found for fleet in _fleets(agents) for found in _within(fleet, unix_s))


def _fleets(agents: Sequence["Announcement"]) -> list[list["Announcement"]]:
    """Agents that share a service, directly or through others; one without services shares all."""
    if not all(agent.services for agent in agents):
        return [list(agents)]
    of: dict[str, list[Announcement]] = {}  # the fleet of each service
    for agent in agents:
        near = {id(of[service]): of[service] for service in agent.services if service in of}
        largest, *others = sorted(near.values(), key=len, reverse=True) or [[]]
        for other in others:
            largest += other
            of |= dict.fromkeys((s for each in other for s in each.services), largest)
        largest.append(agent)
        of |= dict.fromkeys(agent.services, largest)
    return list({id(fleet): fleet for fleet in of.values()}.values())


def _within(fleet: Sequence["Announcement"], unix_s: float) -> Iterator[Difference]:
    told = [agent for agent in fleet if agent.digest is not None]
    apart: dict[str, list[str]] = {}
    since: dict[str, int] = {}
    so_long = {agent.name: agent.digest.since for agent in told if agent.digest is not None}
    for part in PARTS:
        # Who has other services lists something else.
        values = _by_services(told, part) if part == "list" else [_values(told, part)]
        for group in values:
            for name, start in _minority(group, so_long).items():
                apart.setdefault(name, []).append(part)
                since[name] = min(since.get(name, start), start)
    for agent in sorted(fleet, key=lambda agent: agent.name):
        if agent.digest is None and told:
            yield Difference(agent.name, ("digest",), 0.0)
        elif agent.name in apart:
            seconds = max(0.0, unix_s - since[agent.name])
            yield Difference(agent.name, tuple(apart[agent.name]), seconds)


def _by_services(told: Sequence["Announcement"], part: str) -> list[Mapping[str, object]]:
    kinds: dict[tuple[str, ...], list[Announcement]] = {}
    for agent in told:
        kinds.setdefault(agent.services, []).append(agent)
    return [_values(alike, part) for alike in kinds.values()]


def _values(told: Sequence["Announcement"], part: str) -> Mapping[str, object]:
    """By the agent's name."""
    return {agent.name: _value(agent, part) for agent in told}


def _value(agent: "Announcement", part: str) -> object:
    digest = agent.digest
    assert digest is not None
    of = {
        "services": agent.services,
        "list": digest.listed,
        "settings": digest.settings,
        "version": digest.version,
    }
    return of[part]


def _minority(values: Mapping[str, object], since: Mapping[str, int]) -> Mapping[str, int]:
    """Those whose value is not that of most, and since when: both sides had to come to it."""
    counts = Counter(values.values()).most_common(2)
    if len(counts) < 2:
        return {}
    most = counts[0][0] if counts[0][1] > counts[1][1] else None
    others = [since[name] for name, value in values.items() if value == most] or [
        sorted(since[name] for name in values)[1]
    ]
    return {name: max(since[name], min(others)) for name, value in values.items() if value != most}
