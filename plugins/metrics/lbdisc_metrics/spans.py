"""A generation as a trace: one span from the registry's news to the end, one for each stage."""

from collections.abc import Mapping

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, StatusCode, Tracer, set_span_in_context
from opentelemetry.util.types import AttributeValue

from lbdisc import events
from lbdisc.showing import one_line
from lbdisc_metrics.words import reload_word

NAME = "generation"
_MOST = 300  # characters of an error
_NS = 1_000_000  # nanoseconds in a millisecond


class GenerationSpans:
    """Made by ``tracer`` once it is known how a generation ended, for an agent of ``backend``.

    An attempt that failed is a trace of its own; the next attempt is linked with it.
    """

    def __init__(self, tracer: Tracer, backend: str) -> None:
        self._tracer = tracer
        self._backend = backend
        self._failed: SpanContext | None = None  # the attempt before

    def applied(self, event: events.GenerationApplied) -> None:
        """It runs."""
        root = self._trace(event, event.stages, _of_applied(event))
        root.end(_ns(event.unix_s))
        self._failed = None

    def failed(self, event: events.ApplyFailed) -> None:
        """It does not; the stage that failed and the whole have the error."""
        said = one_line(f"{event.kind}: {event.error}", _MOST)
        root = self._trace(event, event.stages, _of_failed(event), said)
        root.set_status(StatusCode.ERROR, said)
        root.end(_ns(event.unix_s))
        self._failed = root.get_span_context()

    def _trace(
        self,
        event: events.GenerationApplied | events.ApplyFailed,
        stages: Mapping[str, float],
        attributes: Mapping[str, AttributeValue],
        error: str = "",
    ) -> Span:
        """The whole, not ended yet, with its stages, which are, up to when ``event`` was told."""
        took = {stage: round(ms * _NS) for stage, ms in stages.items()}
        at = _ns(event.unix_s) - sum(took.values())
        cause = {"lbdisc.cause": event.cause.source} if event.cause else {}
        root = self._tracer.start_span(
            NAME,
            context=Context(),
            start_time=at,
            attributes={**attributes, **cause, "lbdisc.backend": self._backend},
            links=[Link(self._failed)] if self._failed else (),
        )
        within, last = set_span_in_context(root, Context()), next(reversed(took), "")
        for stage, ns in took.items():
            span = self._tracer.start_span(stage, context=within, start_time=at)
            if error and stage == last:
                span.set_status(StatusCode.ERROR, error)
            at += ns
            span.end(at)
        return root


def _of_applied(event: events.GenerationApplied) -> Mapping[str, AttributeValue]:
    """How many, and never who."""
    reason = {"lbdisc.reason": reload_word(event.why)} if event.why else {}
    return {
        "lbdisc.generation": event.generation,
        "lbdisc.result": "applied",
        "lbdisc.digest": event.digest,
        "lbdisc.how": event.how,
        **reason,
        "lbdisc.came": len(event.came),
        "lbdisc.went": len(event.went),
        "lbdisc.changed": len(event.changed),
        "lbdisc.endpoints": len(event.endpoints),
        "lbdisc.commands": len(event.commands),
    }


def _of_failed(event: events.ApplyFailed) -> Mapping[str, AttributeValue]:
    return {
        "lbdisc.generation": event.generation,
        "lbdisc.result": "failed",
        "error.type": event.kind,
        "lbdisc.times": event.times,
        "lbdisc.retry_seconds": event.retry_s,
    }


def _ns(unix_s: float) -> int:
    return round(unix_s * 1000 * _NS)
