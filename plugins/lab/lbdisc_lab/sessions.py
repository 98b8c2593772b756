"""The visits of each session of the sample web app, in memory and bounded."""

import secrets
from collections import OrderedDict

COOKIE = "NODESESSID"
MOST = 10_000  # sessions; the one unused for longest goes first


class Sessions:
    """Counts visits. An id that this app did not give out starts a new session."""

    def __init__(self, most: int = MOST) -> None:
        self._views: OrderedDict[str, int] = OrderedDict()
        self._most = most

    def visit(self, session: str | None) -> tuple[str, int]:
        """Count a visit of ``session``; returns its id, or that of a new one, and its visits."""
        if session is None or session not in self._views:
            session = secrets.token_urlsafe(24)
        self._views[session] = self._views.pop(session, 0) + 1
        if len(self._views) > self._most:
            self._views.popitem(last=False)
        return session, self._views[session]
