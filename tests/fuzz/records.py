"""Records as a hostile participant writes them, in every format that a registry may hold."""

import json
from collections.abc import Callable
from random import Random
from typing import Literal

from fuzz import words
from lbdisc.records import MAX_RECORD

Aim = Literal["anything", "nesting", "size", "numbers"]
AIMED: tuple[Aim, ...] = ("nesting", "size", "numbers")

_MEMBERS = {
    "lbdisc": (
        "address",
        "port",
        "weight",
        "state",
        "tags",
        "ttl",
        "owner",
        "Address",
        "__class__",
    ),
    "nerve": ("host", "port", "name", "weight", "labels", "address"),
    "serverset": ("serviceEndpoint", "status", "shard", "additionalEndpoints"),
    "curator": ("address", "port", "sslPort", "id", "payload", "enabled", "name", "uriSpec"),
}
# Where Python, its JSON or its recursion may give up, and around it.
DEPTHS = (*range(1, 60, 7), *range(940, 1010), 1500, 2990, 5000, 9997, 16000, 30000)


def record(draw: Random, format: str, aim: Aim = "anything") -> bytes:
    """What is written under one name. ``aim``: at what a reader may stumble."""
    if aim != "anything":
        return _AIMED[aim](draw, format)
    kind = draw.random()
    if format == "hostport" or kind < 0.06:
        return _host_port(draw)
    if kind < 0.12:
        return bytes(draw.randrange(256) for _ in range(draw.randrange(40)))
    if kind < 0.15:
        return words.raw(value(draw))
    return _encoded(draw, _spoilt(draw, _object(draw, format)))


def value(draw: Random, depth: int = 0) -> str:
    """A JSON value, or something that looks like one."""
    kind = draw.random()
    if kind < 0.35:
        return words.quoted(draw, words.text(draw))
    if kind < 0.65:
        return draw.choice(words.NUMBERS)
    if kind < 0.75 and depth < 4:
        return f"[{','.join(value(draw, depth + 1) for _ in range(draw.randrange(4)))}]"
    if kind < 0.85 and depth < 4:
        return _table(draw, draw.randrange(4), lambda: value(draw, depth + 1))
    if kind < 0.88:
        return nested(draw, draw.choice(DEPTHS))
    return draw.choice(('"10.0.0.1"', "80", "100", '"ready"', '"draining"', '"READY"', '""'))


def nested(draw: Random, depth: int) -> str:
    """``depth`` levels of lists or tables, whole or cut off in the middle."""
    return draw.choice(
        (
            "[" * depth + "]" * depth,
            '{"a":' * depth + "1" + "}" * depth,
            "[1," * depth + "1" + "]" * depth,
            '{"a":[' * (depth // 2) + "1" + "]}" * (depth // 2),
            "[" * depth,
        )
    )


def _table(draw: Random, size: int, member: Callable[[], str]) -> str:
    pairs = (f"{words.quoted(draw, words.text(draw))}:{member()}" for _ in range(size))
    return f"{{{','.join(pairs)}}}"


def _good(draw: Random, format: str) -> dict[str, str]:
    """The members of a good record, as JSON."""
    address = f'"10.{draw.randrange(256)}.{draw.randrange(256)}.{draw.randrange(1, 255)}"'
    port = str(draw.randrange(1, 65536))
    if format == "serverset":
        return {"serviceEndpoint": f'{{"host":{address},"port":{port}}}'}
    return {"host" if format == "nerve" else "address": address, "port": port}


def _object(draw: Random, format: str) -> str:
    parts = list(_good(draw, format).items()) if draw.random() < 0.8 else []
    for _ in range(draw.randrange(4)):
        member = draw.choice(_MEMBERS[format])
        if member in ("tags", "labels") and draw.random() < 0.7:
            size = draw.choice((0, 1, 2, 64, 65))
            found = _table(draw, size, lambda: words.quoted(draw, words.text(draw)))
        else:
            found = value(draw)
        parts.append((member, found))
    draw.shuffle(parts)
    return _joined(dict.fromkeys(parts))


def _joined(parts: "dict[tuple[str, str], None]") -> str:
    """One member may be there twice: the last one counts for some, the first for others."""
    return f"{{{','.join(f'{json.dumps(name)}:{said}' for name, said in parts)}}}"


def _spoilt(draw: Random, found: str) -> str:
    if draw.random() < 0.05:
        found = draw.choice(("\ufeff", "\0", " ", "\n", "[", ",", "'")) + found
    if draw.random() < 0.05:
        found += draw.choice(("\0", "\n", "x", "}", ","))
    return found


def _encoded(draw: Random, found: str) -> bytes:
    kind = draw.random()
    if kind < 0.06:
        return found.encode("utf-16" if kind < 0.04 else "utf-32", "surrogatepass")
    if kind < 0.07:
        size = draw.choice((60_000, MAX_RECORD, 70_000))
        return words.raw(found[:-1]) + b',"p":"' + b"x" * size + b'"}'
    return words.raw(found)


def _host_port(draw: Random) -> bytes:
    forms = (
        f"{words.text(draw)}:{draw.choice(words.NUMBERS)}",
        words.text(draw),
        f"[{words.text(draw)}]:{draw.choice(words.NUMBERS)}",
        f"10.0.0.{draw.randrange(256)}:{draw.choice(words.NUMBERS)}",
        "[::1]:80\n",
    )
    return words.raw(draw.choice(forms))


def _with(draw: Random, format: str, said: str) -> bytes:
    """A good record but for one member, which is ``said``."""
    if format == "hostport":
        return words.raw(f"10.0.0.1:{said}")
    found = _good(draw, format)
    found[draw.choice((*found, *_MEMBERS[format]))] = said
    return words.raw(_joined(dict.fromkeys(found.items())))


def _nesting(draw: Random, format: str) -> bytes:
    return _with(draw, format, nested(draw, draw.choice(DEPTHS)))


def _size(draw: Random, format: str) -> bytes:
    """Around the greatest record, of one long text, of many members, of many tags."""
    size = draw.choice((10_000, MAX_RECORD - 200, MAX_RECORD, MAX_RECORD + 1, 4 * MAX_RECORD))
    kind = draw.randrange(3)
    if kind == 0:
        return _with(draw, format, f'"{draw.choice(("x", "é", "[", chr(92) * 2)) * size}"')
    if kind == 1:
        members = ",".join(f'"k{number}":1' for number in range(size // 10))
        return _with(draw, format, f"{{{members}}}")
    return _with(draw, format, f"[{'0,' * (size // 2)}0]")


def _numbers(draw: Random, format: str) -> bytes:
    digits = draw.choice((1, 3, 5, 19, 20, 308, 309, 640, 4299, 4300, 4301, 20_000, 60_000))
    sign, dot = draw.choice(("", "-", "+")), draw.choice(("", "", ".5"))
    power = draw.choice(("", "", "e5", "e400", "e-400", "E99999999999"))
    return _with(draw, format, f"{sign}{draw.choice('189') * digits}{dot}{power}")


_AIMED: dict[Aim, Callable[[Random, str], bytes]] = {
    "nesting": _nesting,
    "size": _size,
    "numbers": _numbers,
}
