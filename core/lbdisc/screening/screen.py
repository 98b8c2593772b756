"""The endpoints of a registry without those at addresses where nobody may be served."""

from lbdisc.addresses import is_host_name
from lbdisc.screening.rules import Rules
from lbdisc.settings.tables import EndpointsSettings
from lbdisc.values import Endpoint, Problem, Snapshot, is_reserved

Key = tuple[str, str]  # service and name
FEW = 100  # more changes than so many cost less when all is made anew


class Screening:
    """Stands between the registry and all that is made of it. lbdisc's own services pass."""

    def __init__(self, settings: EndpointsSettings) -> None:
        self._rules = Rules(settings)
        self._seen = Snapshot()
        self._passed = Snapshot()
        self._refused: dict[Key, Problem] = {}

    def refuses(self, endpoint: Endpoint) -> str:
        """Why ``endpoint`` may not be served, ``""`` if it may."""
        if is_reserved(endpoint.service):
            return ""
        if not is_host_name(endpoint.address):
            return self._rules.why(endpoint.service, endpoint.address)
        if setting := self._rules.refuses_names(endpoint.service):
            return f"{endpoint.address} is a host name, which {setting} refuses"
        return ""

    def once(self, snapshot: Snapshot) -> Snapshot:
        """What of ``snapshot`` may be served; nothing is remembered of it."""
        refused = {e.key: why for e in snapshot.endpoints if (why := self.refuses(e))}
        if not refused:
            return snapshot
        left = tuple(e for e in snapshot.endpoints if e.key not in refused)
        problems = {_problem(key, why) for key, why in refused.items()}
        return Snapshot(left, tuple(sorted({*snapshot.problems, *problems})))

    def after(self, snapshot: Snapshot) -> Snapshot:
        """What of the registry's newest state may be served; the others are among its problems.

        Costs what changed since the one before.
        """
        change = snapshot.since(self._seen)
        for endpoint in change.removed:
            self._refused.pop(endpoint.key, None)
        put, gone = [], [endpoint.key for endpoint in change.removed]
        for endpoint in (*change.added, *change.changed):
            if why := self.refuses(endpoint):
                self._refused[endpoint.key] = _problem(endpoint.key, why)
                gone.append(endpoint.key)
            else:
                self._refused.pop(endpoint.key, None)
                put.append(endpoint)
        self._seen = snapshot
        self._passed = self._without_refused(snapshot, put, gone)
        return self._passed

    def _without_refused(
        self, snapshot: Snapshot, put: list[Endpoint], gone: list[Key]
    ) -> Snapshot:
        if not self._refused:
            return snapshot
        if len(put) + len(gone) < FEW:
            left = self._passed.patched(put, gone).endpoints
        else:
            left = tuple(e for e in snapshot.endpoints if e.key not in self._refused)
        return Snapshot(left, tuple(sorted({*snapshot.problems, *self._refused.values()})))


def _problem(key: Key, why: str) -> Problem:
    return Problem("/".join(key), why)
