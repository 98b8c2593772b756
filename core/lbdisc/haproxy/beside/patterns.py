"""The entries of map and ACL files, as HAProxy reads them while it starts, for its runtime socket.

Sources: configuration manual 7.1.3 ("-f") and 7.3.1 ("map"); what blanks and comments mean was
compared with ``show map`` and ``show acl`` on 2.6, 3.0 and 3.4.
"""

import re
from collections.abc import Iterator, Sequence

from lbdisc.haproxy.planning.servers import Unfit
from lbdisc.haproxy.sockets.contents import is_pattern
from lbdisc.haproxy.sockets.framing import text as text_of
from lbdisc.haproxy.versions import MAX_PAYLOAD

_BLANK = b" \t"
MAX_LINE = 10_000  # bytes of a line in a file; HAProxy itself takes some more


def map_entries(data: bytes) -> tuple[bytes, ...]:
    """``key value`` of each entry. Raises ``Unfit`` where the socket takes one in no way."""
    return tuple(_map_entry(line) for line in _lines(data))


def acl_entries(data: bytes) -> tuple[str, ...]:
    """The pattern of each entry. Raises ``Unfit`` where the socket takes one in no way."""
    return tuple(_acl_entry(line) for line in _lines(data))


def chunks(entries: Sequence[bytes]) -> Iterator[tuple[str, ...]]:
    """``entries`` in their order, as many at once as one payload holds."""
    chunk: list[str] = []
    size = 0
    for entry in entries:
        if chunk and size + len(entry) >= MAX_PAYLOAD:
            yield tuple(chunk)
            chunk, size = [], 0
        chunk.append(text_of(entry))
        size += len(entry) + 1
    if chunk:
        yield tuple(chunk)


def _lines(data: bytes) -> Iterator[bytes]:
    """Those that are neither empty nor comments, without the blanks before them."""
    if b"\0" in data:
        raise Unfit("it holds a NUL")
    for line in data.split(b"\n"):
        text = line.partition(b"\r")[0].lstrip(_BLANK)
        if len(line) > MAX_LINE:
            raise Unfit("it has a line that is too long for the socket")
        if text and not line.startswith(b"#"):
            yield text


def _map_entry(text: bytes) -> bytes:
    key, value = (*re.split(rb"[ \t]+", text, maxsplit=1), b"")[:2]
    value = value.rstrip(_BLANK)
    if not value:
        raise Unfit("it has an entry without a value")
    return key + b" " + value


def _acl_entry(text: bytes) -> str:
    try:
        word = text.decode("ascii")
    except UnicodeDecodeError:
        word = ""
    if not is_pattern(word):
        raise Unfit("it has an entry that the socket does not take as one word")
    return word
