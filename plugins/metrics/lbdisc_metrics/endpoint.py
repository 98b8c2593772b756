"""Where spans are sent to, and what that needs."""

import importlib.util
from urllib.parse import urlsplit

from lbdisc.addresses import is_loopback
from lbdisc.errors import shown

PATH = "/v1/traces"  # of OTLP/HTTP, where an address has none
EXTRA = "lbdisc-metrics[traces]"
_NEEDED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
_EXAMPLE = "http://127.0.0.1:4318 or https://collector.example:4318"


def traces_url(text: str) -> str:
    """``text`` as a whole URL, ``""`` for nothing. Raises ``ValueError``."""
    if not text:
        return ""
    if "@" in text:
        raise ValueError("traces_endpoint holds a login: give traces_token_file instead")
    try:
        found = urlsplit(text)
        host, port = found.hostname or "", found.port  # a port that is none raises
    except ValueError as error:
        raise ValueError(f"traces_endpoint {shown(text)}: {error}; as in {_EXAMPLE}") from error
    odd = found.query or found.fragment or not text.isprintable() or " " in text
    if found.scheme not in ("http", "https") or not host or port == 0 or odd:
        raise ValueError(
            f"traces_endpoint {shown(text.partition('?')[0])} is no address: {_EXAMPLE}"
        )
    if found.scheme == "http" and not (host == "localhost" or is_loopback(host)):
        raise ValueError(
            f"traces_endpoint {shown(text)} is read on the way by others: use https://, or a"
            " collector on loopback"
        )
    _refuse_without_extra()
    return f"{text.rstrip('/')}{PATH}" if found.path in ("", "/") else text


def _refuse_without_extra() -> None:
    for name in _NEEDED:
        try:
            there = importlib.util.find_spec(name) is not None
        except ModuleNotFoundError:
            there = False
        if not there:
            raise ValueError(
                f"traces_endpoint needs OpenTelemetry, which is not installed: pip install"
                f" '{EXTRA}', or leave it out"
            )
