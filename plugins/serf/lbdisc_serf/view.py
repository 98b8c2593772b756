"""From members to snapshots: who is listed, who drains, who is gone, and who was only forgotten."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lbdisc.errors import EntryError, shown
from lbdisc.values import Endpoint, Problem, Snapshot, check_name, is_reserved
from lbdisc_serf import tags
from lbdisc_serf.members import Member
from lbdisc_serf.settings import SerfSettings

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """What members offer now; ``clean`` names those whose missing endpoints left on purpose."""

    endpoints: dict[Key, Endpoint]
    problems: tuple[Problem, ...]
    known: frozenset[str]
    clean: frozenset[str]


def read(members: Iterable[Member], settings: SerfSettings) -> Reading:
    """The endpoints of alive and leaving members; foreign members are passed over in silence."""
    endpoints: dict[Key, Endpoint] = {}
    problems: list[Problem] = []
    known, clean = set(), set()
    for member in members:
        known.add(member.name)
        found, wrong = _offers(member, settings)
        endpoints |= {endpoint.key: endpoint for endpoint in found}
        problems += wrong
        if member.status in ("alive", "leaving", "left") and not wrong:
            clean.add(member.name)
    return Reading(endpoints, tuple(problems), frozenset(known), frozenset(clean))


def _offers(member: Member, settings: SerfSettings) -> tuple[list[Endpoint], list[Problem]]:
    found: list[Endpoint] = []
    wrong: list[Problem] = []
    if member.status in ("alive", "leaving"):
        for tag, value, service in _tags(member, settings):
            try:
                endpoint = tags.read(
                    value, service=service, name=member.name, address=member.address
                )
            except EntryError as error:
                wrong.append(Problem(f"{_plain(member.name)}/{_plain(tag)}", str(error)))
                continue
            if endpoint is not None:
                found.append(endpoint.drain() if member.status == "leaving" else endpoint)
    return found, wrong


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
    """What was published, and the steps from there. Lives as long as the discovery.

    A member that an agent does not know any more after it was restarted is *forgotten*, not gone:
    its endpoints are held as they were for ``settings.rejoin_window`` seconds, or until the agent
    knows the member again, in whatever state.
    """

    def __init__(self, settings: SerfSettings) -> None:
        self._settings = settings
        self._shown: dict[Key, Endpoint] = {}
        self._held: dict[Key, float] = {}
        self._problems: tuple[Problem, ...] | None = None
        self._joined: dict[str, Member] = {}

    def update(self, members: Iterable[Member], *, fresh: bool, now: float) -> list[Snapshot]:
        """The snapshots to publish, in order: none if nothing changed.

        ``fresh`` says that the members are the first since the agent was connected, ``now`` is the
        monotonic clock.
        """
        members = tuple(members)
        reading = read(members, self._settings)
        self._hold(reading, fresh=fresh, now=now)
        self._remember(members)
        listed = {key: self._shown[key] for key in self._held} | reading.endpoints
        leaving = self._leaving(reading, listed)
        unchanged = listed == self._shown and reading.problems == self._problems
        if unchanged and not fresh:
            return []
        self._shown, self._problems = listed, reading.problems
        steps = [listed | leaving, listed] if leaving else [listed]
        return [Snapshot.of(step.values(), reading.problems) for step in steps]

    def _remember(self, members: Iterable[Member]) -> None:
        held = {name for _, name in self._held}
        self._joined = {name: at for name, at in self._joined.items() if name in held} | {
            member.name: member for member in members if member.status == "alive"
        }

    def _hold(self, reading: Reading, *, fresh: bool, now: float) -> None:
        if fresh:
            end = now + self._settings.rejoin_window
            forgotten = [key for key in self._shown if key[1] not in reading.known]
            self._held |= dict.fromkeys(forgotten, end)
        self._held = {
            key: end for key, end in self._held.items() if key[1] not in reading.known and now < end
        }

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

    @property
    def forgotten(self) -> tuple[Member, ...]:
        """The members that are held, as they were last seen."""
        names = {name for _, name in self._held}
        return tuple(self._joined[name] for name in sorted(names) if name in self._joined)
