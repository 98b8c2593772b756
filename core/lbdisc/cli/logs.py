"""Logging: one line for each event on standard error, for people on a terminal, JSON otherwise."""

import logging
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO

from lbdisc.settings.tables import LogSettings
from lbdisc.showing import harmless


@contextmanager
def _without(package: str) -> Iterator[None]:
    """Within, ``package`` cannot be imported, unless it was before."""
    hidden = package not in sys.modules
    if hidden:
        sys.modules[package] = None  # type: ignore[assignment]  # as the import system has it
    try:
        yield
    finally:
        if hidden:
            del sys.modules[package]


with _without("rich"):  # for tracebacks that are not drawn here: 4 MB, a tenth of a start
    import structlog

MOST = 4000  # characters of one value
LINES = 100  # of a traceback, the last ones
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def set_up(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's events to ``stream`` (standard error)."""
    out = stream or sys.stderr
    terminal = out.isatty()
    text = settings.format == "text" or (settings.format == "auto" and terminal)
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if text else "iso", utc=not text),
        _one_line,
    ]
    final: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=terminal, pad_event_to=0)
        if text
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, final],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[settings.level]),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    _catch_standard_logging(shared, final, out)


@contextmanager
def captured() -> Iterator[list[str]]:
    """Warnings and errors within go into the list, one line each, instead of to the log."""
    said: list[str] = []

    def keep(_logger: Any, level: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if level in ("warning", "error", "critical"):
            said.append(_told(event))
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[_one_line, keep], cache_logger_on_first_use=False)
    try:
        yield said
    finally:
        structlog.configure(**before)


def _told(event: MutableMapping[str, Any]) -> str:
    more = ", ".join(f"{key} {value}" for key, value in event.items() if key != "event")
    return f"{event.get('event')}" + (f" ({more})" if more else "")


def _one_line(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A value from outside never breaks the line it stands in, nor says anything to a terminal.

    It is cut; what is not known is left out.
    """
    for key, value in list(event.items()):
        if value is None:
            del event[key]
        elif key == "exception":
            event[key] = "\n".join(map(harmless, str(value).split("\n")[-LINES:]))
        elif isinstance(value, str):
            lines = value[: 2 * MOST].splitlines() if not value.isprintable() else [value]
            event[key] = harmless(" ".join(part for part in lines if part.strip()), MOST)
    return event


def _catch_standard_logging(
    shared: list[structlog.typing.Processor], final: structlog.typing.Processor, out: TextIO
) -> None:
    """Warnings of libraries come out in the same form; their chatter stays out."""
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, final],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
