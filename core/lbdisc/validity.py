"""From when to when a certificate holds, read from its DER (RFC 5280, section 4.1)."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

_VERSION, _UTC_TIME = 0xA0, 0x17  # tags
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def flaw(pem: bytes, now: datetime | None = None) -> str:
    """Why the first certificate in ``pem`` does not hold ``now``, empty if it does.

    Also empty for what cannot be read: that is for others to say.
    """
    now = now or datetime.now(UTC)
    try:
        begins, ends = _validity(pem)
    except (ValueError, IndexError, StopIteration):
        return ""
    if now > ends:
        return f"expired on {ends:%Y-%m-%d %H:%M} UTC"
    return f"not valid before {begins:%Y-%m-%d %H:%M} UTC" if now < begins else ""


def _validity(pem: bytes) -> tuple[datetime, datetime]:
    """Raises ``ValueError``, ``IndexError`` or ``StopIteration`` for what is no certificate."""
    text = pem.decode("ascii", "replace")
    start = text.index(_BEGIN)
    der = ssl.PEM_cert_to_DER_cert(text[start : text.index(_END, start) + len(_END)])
    ((_, certificate),) = _parts(der)
    _, signed = next(_parts(certificate))
    fields = [part for part in _parts(signed) if part[0] != _VERSION]
    _, validity = fields[3]  # after number, algorithm and issuer
    begins, ends = (_time(tag, text) for tag, text in _parts(validity))
    return begins, ends


def _parts(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each value."""
    at = 0
    while at < len(der):
        tag, size = der[at], der[at + 1]
        at += 2
        if size & 0x80:  # so many bytes have the size
            count = size & 0x7F
            size, at = int.from_bytes(der[at : at + count]), at + count
        yield tag, der[at : at + size]
        at += size


def _time(tag: int, text: bytes) -> datetime:
    pattern = "%y%m%d%H%M%SZ" if tag == _UTC_TIME else "%Y%m%d%H%M%SZ"
    return datetime.strptime(text.decode("ascii", "replace"), pattern).replace(tzinfo=UTC)
