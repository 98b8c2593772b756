"""The listener that sends traces: nothing of OpenTelemetry is imported before an agent starts."""

import atexit
import os
import socket
from threading import Thread
from typing import TYPE_CHECKING

from lbdisc import events
from lbdisc_metrics.endpoint import traces_url
from lbdisc_metrics.settings import MetricsSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from lbdisc_metrics.collector import TraceCollector
    from lbdisc_metrics.spans import GenerationSpans

ROOM = 2048  # spans that may wait; of more the oldest are lost
BATCH = 512  # spans that are sent at once
EVERY = 1000.0  # milliseconds between two looks at what waits
CLOSING = 0.3  # seconds of what a listener has to close
LAST = 2.0  # seconds, these included, that the program's end waits for the last spans


class TraceListener:
    """Sends a trace for each generation of ``lbdisc run``; an instance has none.

    Spans wait for a thread that sends them: no collector, however slow, holds up who hears.
    """

    def __init__(self, settings: MetricsSettings) -> None:
        self._settings = settings
        self._spans: GenerationSpans | None = None
        self._provider: TracerProvider | None = None
        self._collector: TraceCollector | None = None

    def hear(self, event: events.Event) -> None:
        """Makes spans of what is over; nothing here waits for anybody."""
        if isinstance(event, events.ProgramStarted):
            if event.program == "run" and self._provider is None:
                self._begin(event)
        elif self._spans is None:
            return
        elif isinstance(event, events.GenerationApplied):
            self._spans.applied(event)
        elif isinstance(event, events.ApplyFailed):
            self._spans.failed(event)

    def close(self) -> None:
        """The last spans are sent, for ``LAST`` seconds at most, if the collector takes any."""
        provider, self._spans = self._provider, None
        if provider is None or self._collector is None:
            return
        sends = Thread(target=provider.shutdown, name="lbdisc-traces", daemon=True)
        sends.start()
        if self._collector.is_away:
            return
        sends.join(CLOSING)
        if sends.is_alive():
            atexit.register(sends.join, LAST - CLOSING)

    def _begin(self, started: events.ProgramStarted) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        from lbdisc_metrics.collector import TraceCollector
        from lbdisc_metrics.spans import GenerationSpans

        its = self._settings
        self._collector = TraceCollector(
            traces_url(its.traces_endpoint), its.traces_token, its.traces_ca
        )
        resource = Resource.create(
            {
                "service.name": "lbdisc",
                "service.version": started.version,
                "host.name": socket.gethostname(),
                "process.pid": os.getpid(),
            }
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(
            BatchSpanProcessor(
                self._collector,
                max_queue_size=ROOM,
                max_export_batch_size=BATCH,
                schedule_delay_millis=EVERY,
            )
        )
        tracer = self._provider.get_tracer("lbdisc", started.version)
        self._spans = GenerationSpans(tracer, started.backend)
