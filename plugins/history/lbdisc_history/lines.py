"""An entry of the journal as a line: JSON, whose last member is a checksum of all before it.

So each line is read by any program, and one of which a part is missing is known as such.
"""

import json
import re
import zlib
from collections.abc import Mapping
from typing import Any

Entry = dict[str, Any]
_SEAL = re.compile(rb',"crc":"([0-9a-f]{8})"}\n?\Z')


def sealed(entry: Mapping[str, Any]) -> bytes:
    """The line of ``entry``, which has at least one member."""
    body = json.dumps(entry, separators=(",", ":")).encode()[:-1]
    return b'%b,"crc":"%08x"}\n' % (body, zlib.crc32(body))


def is_whole(line: bytes) -> bool:
    """Whether ``line``, with or without its end, is as it was written."""
    seal = _SEAL.search(line, max(0, len(line) - 20))
    return seal is not None and zlib.crc32(line[: seal.start()]) == int(seal[1], 16)


def opened(line: bytes) -> Entry | None:
    """The entry, without its checksum; ``None`` for what is no whole line."""
    if not is_whole(line):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if not isinstance(entry, dict):
        return None
    entry.pop("crc", None)
    return entry
