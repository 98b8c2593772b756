"""What an operator holds: listed, and ready, until released, whatever the registry says."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from lbdisc.agent.held import Held
from lbdisc.agent.holds import Holds
from lbdisc.agent.places import Place
from lbdisc.values import Endpoint


class Pins:
    """Puts its endpoints among the ``holds``; ``refuses`` as in ``Guard``."""

    def __init__(
        self, pinned: Iterable[Endpoint], holds: Holds, refuses: Callable[[Endpoint], str]
    ) -> None:
        self._pinned = {endpoint.key: endpoint for endpoint in pinned}
        self._holds = holds
        self._refuses = refuses

    @property
    def all(self) -> tuple[Endpoint, ...]:
        """Everything that an operator holds, in order."""
        return tuple(sorted(self._pinned.values()))

    def add(self, endpoints: Iterable[Endpoint]) -> None:
        """Hold them from now on."""
        for endpoint in endpoints:
            self._pinned[endpoint.key] = replace(endpoint, state="ready")

    def remove(self, is_meant: Callable[[Endpoint], bool]) -> list[Endpoint]:
        """Hold those no more of whom ``is_meant`` is true; who that was."""
        freed = [endpoint for endpoint in self._pinned.values() if is_meant(endpoint)]
        for endpoint in freed:
            del self._pinned[endpoint.key]
        return freed

    def drop_refused(self) -> None:
        """An operator neither holds who may not be served."""
        for pinned in list(self._pinned.values()):
            if self._refuses(pinned):
                del self._pinned[pinned.key]

    def apply(self, now: float) -> None:
        """What an operator holds is listed, and ready."""
        for key, pinned in list(self._pinned.items()):
            if (entry := self._holds.places.entry(key)) is not None:
                pinned = self._pinned[key] = replace(entry, state="ready")
            place = Place.of(pinned)
            held, counts = self._holds.held.get(place), self._holds.places.at(place)
            if counts is not None and (counts.key != key or not counts.draining):
                if held is not None:
                    self._holds.is_back(place, counts)
            elif self._is_anothers(place, held):
                if held is not None:
                    self._holds.let_go(place, "another service has its address now")
            elif held is None or held.by == "guard":
                came = self._holds.came(place)
                self._holds.held[place] = Held(
                    endpoint=pinned,
                    since=held.since if held else now,
                    until=None,
                    why="an operator holds it",
                    by="operator",
                    came=held.came if held else (now if came is None else came),
                )

    def _is_anothers(self, place: Place, held: Held | None) -> bool:
        came = held.came if held else self._holds.came(place)
        return came is not None and self._holds.places.reused(place, came)
