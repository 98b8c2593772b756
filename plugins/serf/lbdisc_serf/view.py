"""From members to snapshots: who is listed, who drains, who is gone, and who is only missing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from lbdisc.errors import EntryError, shown
from lbdisc.leases import Lease, LeaseEnd
from lbdisc.reading import read_entry
from lbdisc.values import Endpoint, Problem, Snapshot, check_name, is_reserved
from lbdisc_serf import tags
from lbdisc_serf.belief import Belief
from lbdisc_serf.contact import Contact
from lbdisc_serf.members import Member
from lbdisc_serf.settings import SerfSettings

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """What members offer now; ``clean`` names those whose missing endpoints left on purpose."""

    endpoints: dict[Key, Endpoint]
    problems: tuple[Problem, ...]
    clean: frozenset[str]


def read(members: Iterable[Member], settings: SerfSettings, only: str = "") -> Reading:
    """The endpoints of alive and leaving members, all or of ``only`` one service.

    Foreign members are passed over in silence.
    """
    endpoints: dict[Key, Endpoint] = {}
    problems: list[Problem] = []
    clean = set()
    for member in members:
        found, wrong = _offers(member, settings, only)
        endpoints |= {endpoint.key: endpoint for endpoint in found}
        problems += wrong
        if member.status in ("alive", "leaving", "left") and not wrong:
            clean.add(member.name)
    return Reading(endpoints, tuple(problems), frozenset(clean))


def _offers(
    member: Member, settings: SerfSettings, only: str
) -> tuple[list[Endpoint], list[Problem]]:
    found: list[Endpoint] = []
    wrong: list[Problem] = []
    if member.wrong:
        return [], [Problem(_plain(member.name), member.wrong)]
    if member.status in ("alive", "leaving"):
        for tag, value, service in _tags(member, settings):
            if only in ("", service):
                read = partial(tags.read, value, service=service, **_own(member))
                offered = read_entry(f"{_plain(member.name)}/{_plain(tag)}", read)
                if isinstance(offered, Problem):
                    wrong.append(offered)
                elif offered is not None:
                    found.append(offered.drain() if member.status == "leaving" else offered)
    return found, wrong


def _own(member: Member) -> dict[str, str]:
    return {"name": member.name, "address": member.address}


def _tags(member: Member, settings: SerfSettings) -> Iterator[tuple[str, str, str]]:
    """Tag, value and service of what ``member`` offers.

    Its role counts only without a tag of ours that names a service to balance.
    """
    named = False
    for tag, value in member.tags.items():
        if tag.startswith(tags.PREFIX):
            service = tag.removeprefix(tags.PREFIX)
            named = named or not is_reserved(service)
            yield tag, value, service
    if not named and settings.role and member.tags.get("role") == settings.role:
        yield "role", str(settings.port), settings.service


def _plain(text: str) -> str:
    try:
        return check_name(text)
    except EntryError:
        return shown(text)


class View:
    """What was published, and the steps from there, of all services or ``only`` one.

    Lives as long as the discovery.

    The endpoints of a member that is missing or stale (see ``Belief``) stay as they were until it
    is given up, or known again, in whatever state.
    """

    def __init__(self, settings: SerfSettings, only: str = "") -> None:
        self._settings = settings
        self._only = only
        self._shown: dict[Key, Endpoint] = {}
        self._problems: tuple[Problem, ...] | None = None
        self._fresh = True  # whether the newest agent's list is still to be published
        self.belief = Belief(settings.rejoin_window)
        self.leases: tuple[Lease, ...] = ()  # news of them, that go with the last snapshots

    def update(
        self, members: Iterable[Member], *, own: str, fresh: bool, now: float, contact: Contact
    ) -> list[Snapshot]:
        """The snapshots to publish, in order: none if nothing changed; see ``Belief.read``.

        After ``fresh`` the state is published once more when the list is to be trusted; nothing is
        before that has been so for the first time.
        """
        members = tuple(members)
        self.belief.read(members, own=own, fresh=fresh, now=now, contact=contact)
        if self.belief.foreign:
            return []
        reading = read(members, self._settings, self._only)
        lacking = {name for service, name in self._shown.keys() - reading.endpoints.keys()}
        kept = self.belief.missing | self.belief.stale(lacking, now=now)
        held = {key: endpoint for key, endpoint in self._shown.items() if key[1] in kept}
        listed = held | reading.endpoints
        leaving = self._leaving(reading, listed)
        self._fresh = self._fresh or fresh
        if self.empty and not self.belief.sure:
            return []
        unchanged = listed == self._shown and reading.problems == (self._problems or ())
        if unchanged and not (self._fresh and self.belief.sure):
            return []
        self._fresh = self._fresh and not self.belief.sure
        self.leases = _leases(members, self._shown, listed)
        self._shown, self._problems = listed, reading.problems
        steps = [listed | leaving, listed] if leaving else [listed]
        return [Snapshot.of(step.values(), reading.problems) for step in steps]

    def _leaving(self, reading: Reading, listed: dict[Key, Endpoint]) -> dict[Key, Endpoint]:
        return {
            key: endpoint.drain()
            for key, endpoint in self._shown.items()
            if key not in listed and key[1] in reading.clean and not endpoint.draining
        }

    @property
    def empty(self) -> bool:
        """Whether nothing was published yet."""
        return self._problems is None


_ENDS: Mapping[str, LeaseEnd] = {"failed": "failed", "left": "left", "leaving": "left"}


def _leases(
    members: Iterable[Member], before: Mapping[Key, Endpoint], now: Mapping[Key, Endpoint]
) -> tuple[Lease, ...]:
    """Of whom came, changed or went: an entry lives by its member, which gossip knows."""
    status = {member.name: member.status for member in members}
    found = []
    for key in before.keys() | now.keys():
        if before.get(key) != now.get(key):
            service, name = key
            end: LeaseEnd = "" if key in now else _ends(status.get(name))
            found.append(Lease(service=service, name=name, by=f"member {name}", end=end))
    return tuple(found)


def _ends(status: str | None) -> LeaseEnd:
    """A member that lives has taken back its tag."""
    return "deleted" if status == "alive" else _ENDS.get(status or "", "")
