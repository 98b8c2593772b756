"""What the promises share."""

from collections.abc import Iterable

from lbdisc.testing.backend import Backend
from lbdisc.testing.roles import Watching
from lbdisc.values import Endpoint, Snapshot

TAGS: tuple[tuple[tuple[str, str], ...], ...] = (
    (("zone", "a"),),
    (("note", "long " * 60), ("zone", 'b; c=d, "e" %20')),
    (("note", "long " * 60), ("zone", "")),
    (),
)
"""Tags that an endpoint has, one after the other."""


def keys(endpoints: Iterable[Endpoint]) -> set[tuple[str, str]]:
    return {endpoint.key for endpoint in endpoints}


def holds(*wanted: Endpoint) -> "_Holds":
    """A condition: exactly these endpoints, and nothing else."""
    return _Holds(Snapshot.of(wanted))


class _Holds:
    def __init__(self, wanted: Snapshot) -> None:
        self._wanted = wanted

    def __call__(self, snapshot: Snapshot) -> bool:
        return snapshot == self._wanted

    def __str__(self) -> str:
        return f"the state {self._wanted.endpoints}"


def sees(
    watching: Watching, backend: Backend, *wanted: Endpoint, deadline: float | None = None
) -> Snapshot:
    """Wait until exactly the endpoints ``wanted`` are published."""
    condition = holds(*wanted)
    return watching.until(condition, deadline=deadline or backend.patience, what=str(condition))


def never_fewer(watching: Watching, wanted: Iterable[Endpoint], *, since: int) -> None:
    """Every snapshot published after the first ``since`` ones lists all of ``wanted``."""
    for snapshot in watching.seen.snapshots[since:]:
        missing = keys(wanted) - keys(snapshot.endpoints)
        assert not missing, f"published without {sorted(missing)}"
