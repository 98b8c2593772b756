"""What the load balancer thinks of its servers, as changes: it is told every few seconds."""

from collections.abc import Iterable
from typing import Any

from lbdisc.events import ServersObserved
from lbdisc.listening.repeats import masked
from lbdisc.observed import ServerHealth
from lbdisc.showing import plain
from lbdisc_history.lines import Entry

Said = tuple[str, str]  # a server's state, and the load balancer's words


class ServerChanges:
    """Remembers what was observed last, and tells what is different now."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], Said] = {}
        self._unanswered = ""
        self._first = True

    def entry(self, event: ServersObserved) -> Entry | None:
        """The keys and values of what changed; ``None`` if nothing did.

        At the first look only who is not up counts as changed, and ``up`` counts the others.
        """
        if event.unanswered:
            return self._silent(event.unanswered)
        changed = list(self._changed(event.servers))
        found: Entry = {"changed": changed} if changed else {}
        if self._first:
            up = sum(server.state == "up" for server in event.servers)
            found |= {"first": True, "up": up}
        if self._unanswered:
            found["answers"] = True
        self._first, self._unanswered = False, ""
        return found or None

    def _silent(self, why: str) -> Entry | None:
        before, self._unanswered = self._unanswered, why
        return None if before else {"unanswered": plain(why)}

    def _changed(self, servers: Iterable[ServerHealth]) -> Iterable[Entry]:
        last, self._last = self._last, {s.endpoint.key: (s.state, s.why) for s in servers}
        for server in servers:
            key = server.endpoint.key
            now, before = self._last[key], last.get(key)
            if before is None and self._first and server.state == "up":
                continue
            if before is None or not _alike(before, now):
                yield _told(server, before)


def _alike(before: Said, now: Said) -> bool:
    """Numbers in words alone, as a duration or a load, make no difference; a status does."""
    if before == now:
        return True
    status = any(words.startswith("HTTP ") for _, words in (before, now))
    return before[0] == now[0] and not status and masked(before[1]) == masked(now[1])


def _told(server: ServerHealth, before: Said | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "service": server.endpoint.service,
        "name": server.endpoint.name,
        "state": server.state,
    }
    if server.why:
        found["why"] = plain(server.why)
    if server.steady_s:
        found["steady_s"] = round(server.steady_s, 1)
    if before is not None:
        found["was"] = before[0]
    return found
