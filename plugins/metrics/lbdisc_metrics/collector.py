"""A collector of OpenTelemetry: reached or not, said once each time that changes."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests
import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from pydantic import SecretStr

from lbdisc.secret_files import current
from lbdisc.showing import one_line

PATIENCE = 3.0  # seconds for one batch, what is tried again included
_MOST = 200  # characters of a reason
_log = structlog.get_logger("lbdisc.traces")


class CollectorSession(requests.Session):
    """Asks the collector and nobody else: no proxy, no login and no authority of the environment.

    ``why`` says what was wrong the last time, ``""`` if nothing was. The ``token`` is read again
    from its file for each request.
    """

    def __init__(self, token: SecretStr | None) -> None:
        super().__init__()
        self.trust_env = False
        self._token = token
        self.why = ""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Not to where a reply points: that is for the settings to say."""
        kwargs["allow_redirects"] = False
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {current(self._token).strip()}"
        try:
            reply = super().send(request, **kwargs)
        except OSError as error:  # all of requests' own are
            self.why = _cause(error)
            raise
        good = reply.status_code < HTTPStatus.MULTIPLE_CHOICES
        self.why = "" if good else one_line(f"HTTP {reply.status_code} {reply.reason}", _MOST)
        return reply


class TraceCollector(SpanExporter):
    """Sends spans to ``url``; those that cannot be sent are lost. ``is_away`` until one is taken.

    ``authorities`` are trusted instead of those that come with the program.
    """

    def __init__(self, url: str, token: SecretStr | None, authorities: Path | None) -> None:
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)  # one line here says it
        self._url = url
        self._session = CollectorSession(token)
        self._exporter = OTLPSpanExporter(
            url,
            certificate_file=str(authorities) if authorities else None,
            timeout=PATIENCE,
            session=self._session,
        )
        self.is_away = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Waits up to ``PATIENCE``, in the thread that sends."""
        try:
            result = self._exporter.export(spans)
        except OSError:
            result = SpanExportResult.FAILURE
        why = self._session.why
        if result is SpanExportResult.SUCCESS and not why:
            if self.is_away:
                _log.info("traces are taken again", to=self._url)
            self.is_away = False
        elif not self.is_away:
            self.is_away = True
            said = why or "the collector did not take them"
            _log.warning("traces are not taken and lost until they are", to=self._url, why=said)
        return result

    def shutdown(self) -> None:
        """What waits to be tried again is not."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # has no types

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is kept here."""
        return True


def _cause(error: BaseException) -> str:
    """The system's word in a chain of errors, if it has one."""
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, OSError) and at.errno and at.strerror:
            return one_line(at.strerror, _MOST)
        at = at.__cause__ or at.__context__
    return one_line(str(error), _MOST)
