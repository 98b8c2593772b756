"""Who has a name: of several files that claim one, the file that was there first."""

from collections.abc import Callable, Iterator
from typing import Any

Key = tuple[str, str]  # service and name


class Claims:
    """The paths of the files that claim a name, in the order in which they count.

    One that comes later never gets before one that was there. Of those that nobody has seen
    before, and that come between two looks, ``rank`` says which is first: the least.
    """

    def __init__(self, rank: Callable[[str], Any]) -> None:
        self._rank = rank
        self._paths: dict[Key, tuple[str, ...]] = {}
        self._new: dict[Key, set[str]] = {}  # where their order is not known yet

    def __len__(self) -> int:
        return len(self._paths)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._paths)

    def put(self, key: Key, path: str) -> None:
        """The file at ``path`` claims ``key``, now or still."""
        paths = self._paths.get(key, ())
        if path not in paths:
            self._paths[key] = (*paths, path)
            self._new.setdefault(key, set()).add(path)

    def drop(self, key: Key, path: str) -> None:
        """It does no more: it is gone."""
        paths = tuple(each for each in self._paths.get(key, ()) if each != path)
        if paths:
            self._paths[key] = paths
        else:
            self._paths.pop(key, None)
        if (new := self._new.get(key)) is not None:
            new.discard(path)

    def of(self, key: Key) -> tuple[str, ...]:
        """The files that claim ``key``, the one that has it first."""
        paths = self._paths.get(key, ())
        if new := self._new.pop(key, None):
            known = [path for path in paths if path not in new]
            paths = (*known, *sorted((path for path in paths if path in new), key=self._rank))
            self._paths[key] = paths
        return paths
