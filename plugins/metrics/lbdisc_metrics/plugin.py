"""The hooks of lbdisc-metrics. Everything heavy is imported when it is needed, not before."""

from typing import TYPE_CHECKING

from lbdisc.hooks import Listener, Provider, hookimpl

if TYPE_CHECKING:
    from lbdisc_metrics.settings import MetricsSettings


@hookimpl
def lbdisc_listener() -> "Provider[MetricsSettings, Listener]":
    from lbdisc_metrics.settings import MetricsSettings

    return Provider("metrics", MetricsSettings, _listener)


def _listener(settings: "MetricsSettings") -> Listener:
    from lbdisc_metrics.together import Together

    made: list[Listener] = []
    if settings.bind or settings.register_bind:
        from lbdisc_metrics.listener import MetricsListener

        made.append(MetricsListener(settings))
    if settings.traces_endpoint:
        from lbdisc_metrics.tracing import TraceListener

        made.append(TraceListener(settings))
    return Together(made)
