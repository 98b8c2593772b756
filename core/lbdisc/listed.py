"""Endpoints in order while they come and go: one change costs no sorting of all."""

from bisect import bisect_left, insort

from lbdisc.values import Endpoint

Key = tuple[str, str]  # service and name


class Listed:
    """The endpoints of a reader by service and name; ``Snapshot`` takes them as sorted."""

    def __init__(self) -> None:
        self._found: dict[Key, Endpoint] = {}
        self._order: list[Key] = []
        self._endpoints: tuple[Endpoint, ...] | None = ()

    def put(self, endpoint: Endpoint) -> None:
        """Add it, or have it in the place of the one with its key."""
        key = endpoint.key
        if key not in self._found:
            insort(self._order, key)
        self._found[key] = endpoint
        self._endpoints = None

    def drop(self, key: Key) -> Endpoint | None:
        """Leave out the endpoint of that service and name; returns it, if there was one."""
        endpoint = self._found.pop(key, None)
        if endpoint is not None:
            del self._order[bisect_left(self._order, key)]
            self._endpoints = None
        return endpoint

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """All of them, sorted; the same object until one changes."""
        if self._endpoints is None:
            self._endpoints = tuple(map(self._found.__getitem__, self._order))
        return self._endpoints
