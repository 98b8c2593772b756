"""Generations as traces: what a collector is sent, and what becomes of what it does not take."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from lbdisc import Endpoint, events
from lbdisc.events import Cause
from lbdisc.secret_files import FileSecret
from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from lbdisc_metrics.endpoint import traces_url
from lbdisc_metrics.settings import MetricsSettings
from lbdisc_metrics.tracing import TraceListener
from support.otlp import Collector, collector

STAGES = {"news": 5.0, "rendered": 2.0, "planned": 1.0, "applied": 4.0, "verified": 3.0}
S1 = Endpoint(service="nodes", name="its-name", address="10.0.0.1", port=3000)
RAN = events.GenerationApplied(
    generation=7,
    digest="d1",
    how="reload",
    why="server nodes/its-name: 'cookie' changed",
    came=(S1,),
    endpoints=(S1,),
    commands=("a", "b"),
    stages=STAGES,
    cause=Cause(source="etcd", revision="17"),
    unix_s=1000.0,
)
FAILED = events.ApplyFailed(
    generation=8,
    kind="CheckError",
    error="haproxy.cfg:3: unknown keyword\n'chek'",
    retry_s=1.5,
    stages={"news": 5.0, "rendered": 2.0, "planned": 1.0, "checked": 4.0},
    unix_s=1001.0,
)


@contextmanager
def sending(to: str, *, program: str = "run", **settings: Any) -> Iterator[TraceListener]:
    """A listener that has heard of a start."""
    listener = TraceListener(MetricsSettings(traces_endpoint=to, **settings))
    listener.hear(events.ProgramStarted(program=program, version="1.2.3", backend="etcd"))
    try:
        yield listener
    finally:
        listener.close()


@pytest.fixture
def sent() -> Iterator[Collector]:
    with collector() as made:
        yield made


def test_a_generation_is_one_trace_with_its_stages_one_after_the_other(sent: Collector) -> None:
    with sending(sent.url) as listener:
        listener.hear(RAN)
    trace = sent.until(generation=7)
    assert (trace.root.name, trace.names) == ("generation", list(STAGES))
    assert trace.root.begin == 999_985_000_000
    assert trace.root.end == 1_000_000_000_000
    took = [(stage.end - stage.begin) / 1e6 for stage in trace.stages]
    assert took == list(STAGES.values())
    edges = [trace.root.begin, *(stage.end for stage in trace.stages)]
    assert [stage.begin for stage in trace.stages] == edges[:-1]
    assert edges[-1] == trace.root.end
    assert sent.asked[0][0] == "/v1/traces"


def test_it_says_how_many_and_never_who(sent: Collector) -> None:
    with sending(sent.url) as listener:
        listener.hear(RAN)
    trace = sent.until(generation=7)
    assert trace.root.error is None
    assert trace.said == {
        "lbdisc.generation": 7,
        "lbdisc.result": "applied",
        "lbdisc.digest": "d1",
        "lbdisc.how": "reload",
        "lbdisc.reason": "servers",
        "lbdisc.came": 1,
        "lbdisc.went": 0,
        "lbdisc.changed": 0,
        "lbdisc.endpoints": 1,
        "lbdisc.commands": 2,
        "lbdisc.cause": "etcd",
        "lbdisc.backend": "etcd",
    }
    assert sent.resource.items() >= {"service.name": "lbdisc", "service.version": "1.2.3"}.items()
    assert "its-name" not in str(sent.spans)


def test_an_attempt_that_failed_has_its_error_and_the_next_is_linked_with_it(
    sent: Collector,
) -> None:
    with sending(sent.url) as listener:
        for event in (FAILED, RAN):
            listener.hear(event)
    failed = sent.until(result="failed")
    said = "CheckError: haproxy.cfg:3: unknown keyword 'chek'"
    assert (failed.root.error, failed.stages[-1].error) == (said, said)
    assert [stage.error for stage in failed.stages[:-1]] == [None, None, None]
    assert failed.said["error.type"] == "CheckError"
    after = sent.until(result="applied")
    assert after.root.links == (failed.root.trace,)


def test_an_instance_and_the_rest_of_what_happens_have_no_traces(sent: Collector) -> None:
    with sending(sent.url, program="register") as listener:
        listener.hear(RAN)
    with sending(sent.url) as listener:
        listener.hear(events.SettingsRefused(error="x"))
    assert sent.asked == []


def test_the_token_is_sent_as_its_file_says_now_and_told_nowhere(
    sent: Collector, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    token = FileSecret(file)
    with (
        structlog.testing.capture_logs() as logs,
        sending(sent.url, traces_token=token) as listener,
    ):
        listener.hear(RAN)
        eventually(lambda: sent.asked == [("/v1/traces", "Bearer first")])
        file.write_text("second\n")
        listener.hear(FAILED)
        eventually(lambda: sent.asked[1:] == [("/v1/traces", "Bearer second")])
    assert logs == []


def test_a_collector_that_is_away_is_told_once_and_once_that_it_is_back() -> None:
    port = free_port()
    with structlog.testing.capture_logs() as logs, sending(f"http://127.0.0.1:{port}") as listener:
        for _ in range(3):
            listener.hear(RAN)
            eventually(lambda: logs)
        with collector(port):

            def taken() -> bool:
                listener.hear(RAN)
                return len(logs) == 2

            eventually(taken, every=0.2)
    assert [entry["event"] for entry in logs] == [
        "traces are not taken and lost until they are",
        "traces are taken again",
    ]
    assert logs[0]["why"] == "Connection refused"


def test_what_a_collector_does_not_take_is_told_with_its_status(sent: Collector) -> None:
    sent.status = 403
    with structlog.testing.capture_logs() as logs, sending(sent.url) as listener:
        listener.hear(RAN)
        eventually(lambda: logs)
    assert logs[0]["why"] == "HTTP 403 Forbidden"


def test_spans_are_not_sent_to_where_a_reply_points(sent: Collector) -> None:
    sent.status = 307
    with structlog.testing.capture_logs() as logs, sending(sent.url) as listener:
        listener.hear(RAN)
        eventually(lambda: logs)
    assert logs[0]["why"].startswith("HTTP 307")
    assert len(sent.asked) == 1


def test_a_collector_that_never_answers_holds_up_neither_events_nor_the_end(
    sent: Collector,
) -> None:
    sent.hangs.set()
    with sending(sent.url) as listener:
        listener.hear(RAN)
        eventually(lambda: sent.asked)
        for _ in range(5000):
            listener.hear(RAN)
    assert sent.spans == []


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
        ("http://[::1]:4318/", "http://[::1]:4318/v1/traces"),
        ("http://localhost:4318/other", "http://localhost:4318/other"),
        ("https://otel.example", "https://otel.example/v1/traces"),
        ("", ""),
    ],
)
def test_an_address_without_a_path_gets_that_of_the_protocol(given: str, url: str) -> None:
    assert traces_url(given) == url


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("127.0.0.1:4318", "is no address: http://127.0.0.1:4318 or https://"),
        ("ftp://127.0.0.1", "is no address"),
        ("http://127.0.0.1:99999", "as in http://127.0.0.1:4318"),
        ("http://10.0.0.9:4318", "is read on the way by others: use https://"),
        ("http://otel.example:4318", "is read on the way by others"),
        ("https://me:secret@otel.example:99999", "holds a login: give traces_token_file instead"),
    ],
)
def test_an_odd_address_is_refused_with_what_would_be_right(given: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as found:
        MetricsSettings(traces_endpoint=given)
    assert "secret" not in str(found.value)


def test_an_empty_token_for_a_collector_is_refused() -> None:
    with pytest.raises(ValueError, match="traces_token is empty"):
        MetricsSettings(traces_endpoint="https://otel.example", traces_token=SecretStr(" "))


@pytest.mark.parametrize("missing", ["opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"])
def test_without_the_extra_it_is_said_what_to_install(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ValueError, match=r"pip install 'lbdisc-metrics\[traces\]'"):
        MetricsSettings(traces_endpoint="http://127.0.0.1:4318")
    MetricsSettings(bind="9105")


def test_with_metrics_alone_nothing_of_opentelemetry_is_imported() -> None:
    code = (
        "import sys; from lbdisc_metrics.plugin import lbdisc_listener as offer;"
        "provider = offer(); settings = provider.settings(bind='1');"
        "listener = provider.create(settings);"
        "print([m for m in sys.modules if m.startswith(('opentelemetry', 'requests'))])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
