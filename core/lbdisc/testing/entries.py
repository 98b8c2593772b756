"""Entries that are no endpoint, as a broken or hostile neighbour writes them."""

import json
from typing import Any


def _record(**members: Any) -> bytes:
    return json.dumps({"address": "10.0.0.66", "port": 80} | members).encode()


HOSTILE_RECORDS: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"{half of a rec",
    "no object": b"[1, 2, 3]",
    "no members": b"{}",
    "no address": b'{"port": 80}',
    "not UTF-8": b'{"address": "\xff\xfe", "port": 80}',
    "NUL": b"\x00\x00\x00\x00",
    "deep": b"[" * 20_000,
    "too large": _record(tags={"big": "x" * 70_000}),
    "address with a server line": _record(address="10.0.0.66:80\n    server evil 10.6.6.6"),
    "address with words": _record(address="10.0.0.66:80 backup # "),
    "address unspecified": _record(address="0.0.0.0"),
    "address not a text": _record(address=["10.0.0.66"]),
    "port zero": _record(port=0),
    "port too large": _record(port=65_536),
    "port with words": _record(port="80 check"),
    "port a truth": _record(port=True),
    "weight too large": _record(weight=257),
    "weight not a number": _record(weight="NaN"),
    "state unknown": _record(state="gone"),
    "tag with a newline": _record(tags={"zone": "a\n    server evil 10.6.6.6:80"}),
    "tag name with words": _record(tags={"a b": "c"}),
}

HOSTILE_NAMES: tuple[str, ...] = (
    "two words",
    "line\n    server evil 10.6.6.6:80",
    "-option",
    "semi;colon",
    "#comment",
    "quote'",
    "ümlaut",
    "n" * 256,
)
