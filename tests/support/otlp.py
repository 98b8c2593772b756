"""A collector of OpenTelemetry on loopback: what is sent to it over OTLP/HTTP, as spans."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from lbdisc.testing.waiting import eventually

ROOT = "generation"


@dataclass(frozen=True, slots=True)
class SentSpan:
    """A span as it was sent; times are nanoseconds."""

    name: str
    trace: bytes
    id: bytes
    parent: bytes
    begin: int
    end: int
    error: str | None  # what its status says, where that is an error
    links: tuple[bytes, ...]  # traces
    attributes: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SentTrace:
    """A generation's root, and its stages in the order of their times."""

    root: SentSpan
    stages: tuple[SentSpan, ...]

    @property
    def names(self) -> list[str]:
        return [stage.name for stage in self.stages]

    @property
    def said(self) -> Mapping[str, object]:
        return self.root.attributes


class Collector:
    """``url`` is its address without a path; ``answers`` with ``status`` unless it is to hang."""

    def __init__(self, port: int = 0) -> None:
        self.spans: list[SentSpan] = []
        self.resource: Mapping[str, object] = {}
        self.asked: list[tuple[str, str]] = []  # path and Authorization of each request
        self.status = 200
        self.hangs = Event()
        self.over = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def traces(self) -> list[SentTrace]:
        """Those whose root is there, as they ended."""
        roots = sorted((s for s in self.spans if not s.parent), key=lambda s: s.end)
        return [SentTrace(root, self._stages(root)) for root in roots]

    def _stages(self, root: SentSpan) -> tuple[SentSpan, ...]:
        own = [s for s in self.spans if s.parent == root.id and s.trace == root.trace]
        return tuple(sorted(own, key=lambda s: (s.begin, s.end)))

    def ended(self, **attributes: object) -> SentTrace | None:
        """The last trace with these attributes, ``lbdisc.`` before each name."""
        wanted = {f"lbdisc.{name}": value for name, value in attributes.items()}
        found = [t for t in self.traces if wanted.items() <= t.said.items()]
        return found[-1] if found else None

    def until(self, **attributes: object) -> SentTrace:
        """That trace, once it is there."""
        found = eventually(lambda: self.ended(**attributes), what=f"a trace of {attributes}")
        assert found is not None
        return found

    def take(self, body: bytes) -> None:
        for part in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resource = {a.key: _value(a.value) for a in part.resource.attributes}
            for scope in part.scope_spans:
                self.spans += [_span(span) for span in scope.spans]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.asked.append((self.path, self.headers.get("Authorization", "")))
                if collector.hangs.is_set():
                    collector.over.wait()
                    return
                if collector.status == 200:
                    collector.take(body)
                reply = ExportTraceServiceResponse().SerializeToString()
                self.send_response(collector.status)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, format: str, *args: object) -> None:
                """Nobody reads it."""

        return Handler

    def start(self) -> None:
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def collector(port: int = 0) -> Iterator[Collector]:
    """One that takes what it is sent."""
    made = Collector(port)
    made.start()
    try:
        yield made
    finally:
        made.close()


def _span(span: Span) -> SentSpan:
    failed = span.status.code == Status.STATUS_CODE_ERROR
    return SentSpan(
        name=span.name,
        trace=span.trace_id,
        id=span.span_id,
        parent=span.parent_span_id,
        begin=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        error=span.status.message if failed else None,
        links=tuple(link.trace_id for link in span.links),
        attributes={a.key: _value(a.value) for a in span.attributes},
    )


def _value(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    return None if kind is None else getattr(value, kind)
