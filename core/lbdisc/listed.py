"""Endpoints in order while they come and go: one change costs no sorting of all."""

from bisect import bisect_left, insort

from lbdisc.values import Endpoint

Key = tuple[str, str]  # service and name


class Listed:
    """The endpoints of a reader by service and name; see ``Snapshot``, which takes them as sorted.

    Raises ``KeyError`` for one that is not there.
    """

    def __init__(self) -> None:
        self._found: dict[Key, Endpoint] = {}
        self._order: list[Key] = []
        self._endpoints: tuple[Endpoint, ...] | None = ()

    def put(self, key: Key, endpoint: Endpoint | None) -> None:
        """Have ``endpoint`` for ``key``, or nothing."""
        if endpoint is not None:
            if key not in self._found:
                insort(self._order, key)
            self._found[key] = endpoint
            self._endpoints = None
        elif self._found.pop(key, None) is not None:
            del self._order[bisect_left(self._order, key)]
            self._endpoints = None

    def __getitem__(self, key: Key) -> Endpoint:
        return self._found[key]

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """All of them, sorted; the same object until one changes."""
        if self._endpoints is None:
            self._endpoints = tuple(map(self._found.__getitem__, self._order))
        return self._endpoints
