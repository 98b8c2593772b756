"""The listener ``web``: puts away what it hears, and tells the server that there is news."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from lbdisc import events
from lbdisc_web.settings import WebSettings

if TYPE_CHECKING:
    from lbdisc_web.seen import PageSeen
    from lbdisc_web.serving import PageServer
    from lbdisc_web.view import Document


class WebListener:
    """Off without ``bind``, and for every program but the agent."""

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings
        self._state_dir = Path()
        self._seen: PageSeen | None = None
        self._server: PageServer | None = None

    def hear(self, event: events.Event) -> None:
        if isinstance(event, events.ProgramStarted) and event.program == "run":
            self._begin(event)
        if self._seen is not None:
            from lbdisc_web.seen import taken

            self._seen = taken(self._seen, event)
        if self._server is not None:
            self._server.news()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    @property
    def serving(self) -> bool:
        """Whether the page's server runs."""
        return self._server is not None and self._server.runs

    def _begin(self, event: events.ProgramStarted) -> None:
        """Raises ``SettingsError`` where the page cannot be; it is named, and all else goes on."""
        if not self._settings.bind:
            return
        from lbdisc_web.seen import PageSeen
        from lbdisc_web.serving import PageServer

        self._state_dir = Path(event.state_dir)
        self._server = PageServer(self._settings, self._state_dir, self._document)
        self._seen = PageSeen()

    def _document(self) -> "Document":
        """Of this moment; called in the server's thread."""
        from lbdisc_web.reading import told
        from lbdisc_web.seen import PageSeen
        from lbdisc_web.view import document

        found = told(self._state_dir, self._settings.services)
        seen = self._seen or PageSeen()
        return document(found, seen, now_s=time.time(), acts=bool(self._settings.secret))
