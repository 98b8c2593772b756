"""Answers packed for whoever takes gzip (RFC 1952): a long list is a small part as long."""

import gzip
import zlib
from collections.abc import Mapping
from functools import cached_property

LEVEL = 1  # of 9, the quickest: it is the server's thread that packs
# What a stream of pieces begins with: no name, no time, an unknown system.
HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def takes_gzip(headers: Mapping[str, str]) -> bool:
    """Whether ``Accept-Encoding`` names it (RFC 9110, 12.5.3); a weight of 0 takes it back."""
    for part in headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() == "gzip":
            return not weight or bool(weight.strip(" q=0."))
    return False


class PackedText:
    """A text as it is and packed, which is done once, when the first takes it so."""

    def __init__(self, plain: bytes) -> None:
        self.plain = plain

    @cached_property
    def whole(self) -> bytes:
        """All that is answered."""
        return gzip.compress(self.plain, LEVEL, mtime=0)

    @cached_property
    def piece(self) -> bytes:
        """A part of a stream that begins with ``HEAD`` and has no end.

        It refers to nothing before it and ends with a whole byte (RFC 1951): all readers can be
        given the same one, wherever each of them began.
        """
        deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        return deflate.compress(self.plain) + deflate.flush(zlib.Z_SYNC_FLUSH)
