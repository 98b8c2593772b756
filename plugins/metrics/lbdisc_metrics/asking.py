"""Requests and replies of HTTP/1.1, as far as scrapers and supervisors speak it (RFC 9112)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

METHODS = ("GET", "HEAD")
_VERSIONS = ("HTTP/1.0", "HTTP/1.1")


@dataclass(frozen=True, slots=True)
class ScrapeRequest:
    """A request's head; the names of ``headers`` are in small letters."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, head: bytes) -> "ScrapeRequest | None":
        """From all bytes up to the empty line; ``None`` where they are no request."""
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        words = first.split(" ")
        pairs = [line.partition(":") for line in lines]
        if len(words) != 3 or words[2] not in _VERSIONS or not words[1].startswith("/"):
            return None
        if not all(colon and name and name == name.strip() for name, colon, _ in pairs):
            return None
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        return cls(words[0], words[1].partition("?")[0], headers)


@dataclass(frozen=True, slots=True)
class ScrapeReply:
    """An answer; ``text`` is what it holds."""

    status: HTTPStatus
    text: bytes = b""
    kind: str = "text/plain; charset=utf-8"
    more: tuple[str, ...] = ()  # further header lines

    @classmethod
    def line(cls, status: HTTPStatus, text: str = "", *more: str) -> "ScrapeReply":
        """One of a line for people."""
        return cls(status, f"{text or status.phrase}\n".encode(), more=more)

    def to_bytes(self, *, body: bool = True) -> bytes:
        """With its head; without the text for a ``HEAD``."""
        lines = [
            f"HTTP/1.1 {self.status.value} {self.status.phrase}",
            f"Content-Type: {self.kind}",
            f"Content-Length: {len(self.text)}",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff",
            "Connection: close",
            *self.more,
        ]
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        return head + self.text if body else head
