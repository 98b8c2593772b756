"""Entries that are no endpoint, as a broken or hostile neighbour writes them."""

import json
from collections.abc import Iterator
from typing import Any


def _record(**members: Any) -> bytes:
    return json.dumps({"address": "10.0.0.66", "port": 80} | members).encode()


def _raw(**members: str) -> bytes:
    """A record with ``members`` as they are to stand there."""
    texts = {"address": '"10.0.0.66"', "port": "80"} | members
    inside = ", ".join(f'"{name}": {text}' for name, text in texts.items())
    return f"{{{inside}}}".encode()


def _deep() -> Iterator[tuple[str, bytes]]:
    """Nested a little, and as deep as Python's stack, that of C or a record go."""
    for deep in (25, 970, 985, 9_997, 20_000):
        lists, objects = "[" * deep + "]" * deep, '{"a":' * deep + "1" + "}" * deep
        yield f"lists {deep} deep", _raw(address=lists)
        yield f"unknown lists {deep} deep", _raw(more=lists)
        yield f"lists that go on {deep} deep", _raw(port="[1," * deep + "2" + "]" * deep)
        yield f"objects {deep} deep", _raw(tags=objects)
        yield f"lists {deep} deep that never end", b'{"address": ' + b"[" * deep


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
    "address of 2 kB": _record(address="a" * 2000),
    "state of 60 kB": _record(state="s" * 60_000),
    "escapes of 60 kB": _raw(address='"' + "\\\\" * 30_000 + '"'),
    "escapes that never end": b'{"address": "' + b'\\"' * 30_000,
    "address a half of a sign": _raw(address='"\\ud800"'),
    "address with a NUL": _raw(address='"10.0.0.66\\u0000"'),
    "address that turns": _record(address="\u202e66.0.0.01"),
    "tag that turns": _record(tags={"zone": "\u202eenoz"}),
    "tag with a terminal's escape": _record(tags={"zone": "\x1b[2J"}),
    "many tags": _record(tags={f"t{number}": "" for number in range(4000)}),
    "port of 20,000 digits": _raw(port="9" * 20_000),
    "port of 4,301 digits": _raw(port="9" * 4301),
    "weight of 60,000 digits behind the point": _raw(weight="0." + "1" * 60_000),
    "weight that is no number": _raw(weight="NaN"),
    "port without an end": _raw(port="Infinity"),
    "port of a huge exponent": _raw(port="1e999"),
    "port twice": _raw(port='80, "port": 81'),
    "UTF-16": '{"address": "10.0.0.66 backup", "port": 80}'.encode("utf-16"),
    "half of a sign in UTF-32": "\ud800".encode("utf-32", "surrogatepass"),
    "only a byte order mark": b"\xef\xbb\xbf",
    **dict(_deep()),
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
