"""The listener ``metrics``: counts what happens, and serves it once the program is known."""

from lbdisc import events
from lbdisc_metrics.answering import Answering
from lbdisc_metrics.measuring import Measured
from lbdisc_metrics.serving import MetricsServer
from lbdisc_metrics.settings import MetricsSettings, door


class MetricsListener:
    """Serves from ``ProgramStarted`` to the end, where the settings have a door for the program."""

    def __init__(self, settings: MetricsSettings) -> None:
        self._settings = settings
        self._measured: Measured | None = None
        self._server: MetricsServer | None = None

    def hear(self, event: events.Event) -> None:
        """Counts; nothing here waits for anybody."""
        if isinstance(event, events.ProgramStarted) and self._measured is None:
            self._begin(event)
        if self._measured is not None:
            self._measured.hear(event)

    def close(self) -> None:
        """Nobody is served any more."""
        if self._server is not None:
            self._server.close()

    def _begin(self, started: events.ProgramStarted) -> None:
        settings = self._settings
        name = "register_bind" if started.program == "register" else "bind"
        place = door(getattr(settings, name), name)
        if place is None:
            return
        self._measured = Measured(started, settings.services)
        self._server = MetricsServer(
            place,
            Answering(self._measured, settings.token),
            certificate=settings.tls_cert,
            key=settings.tls_key,
        )
        self._server.start()
