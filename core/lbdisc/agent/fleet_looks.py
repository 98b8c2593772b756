"""The agents of the registry, as this one sees them: told when they are others, or say so."""

from collections.abc import Iterator, Mapping, Sequence

from lbdisc.events import FleetAgent, FleetSeen
from lbdisc.fleet import Difference, differences
from lbdisc.handshake import AGENTS, Announcement, agents, asks, progress
from lbdisc.listening.listeners import Tell
from lbdisc.values import Snapshot


class FleetLooks:
    """Looks at what was published, once for each; in the agent's own thread."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._seen: Snapshot | None = None
        self._told: tuple[FleetAgent, ...] = ()

    def look(self, published: Snapshot | None, unix_s: float) -> None:
        """Tell of them if anything changed since the last look."""
        if published is None or published is self._seen:
            return
        self._seen = published
        found = tuple(_found(published, unix_s))
        if found != self._told:
            self._told = found
            self._tell(FleetSeen(agents=found))


def _found(published: Snapshot, unix_s: float) -> Iterator[FleetAgent]:
    among = agents(published)
    places = {e.name: e.address for e in published.endpoints if e.service == AGENTS}
    apart = {difference.agent: difference for difference in differences(among, unix_s)}
    waits = _waits(published, among)
    for agent in among:
        differs = apart.get(agent.name)
        yield FleetAgent(
            agent=agent.name,
            address=places[agent.name],
            services=agent.services,
            version=agent.digest.version if agent.digest else "",
            differs=differs.parts if differs else (),
            since=_since(differs, unix_s),
            waits=tuple(waits.get(agent.name, ())),
        )


def _since(differs: Difference | None, unix_s: float) -> float:
    return float(round(unix_s - differs.seconds)) if differs and differs.seconds else 0.0


def _waits(
    published: Snapshot, among: Sequence[Announcement]
) -> Mapping[str, Sequence[tuple[str, str]]]:
    """By the agent's name: who waits for its word."""
    found: dict[str, list[tuple[str, str]]] = {}
    for endpoint in published.endpoints:
        if asks(endpoint):
            for name in progress(endpoint, among).waiting:
                found.setdefault(name, []).append(endpoint.key)
    return found
