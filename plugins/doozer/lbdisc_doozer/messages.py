"""Doozer's messages as bytes: what its ``server/msg.proto`` describes, and nothing else.

Two messages of numbers and texts need a few lines of the encoding (protobuf.dev, "Encoding") and no
library. What is not known is passed over, as protobuf wants it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Self

from lbdisc.raw import Oversized, Raw, bounded

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_MASK = (1 << 64) - 1
_NEGATIVE = 1 << 63


class Malformed(ValueError):
    """Bytes that are no message."""


class Verb(IntEnum):
    GET = 1
    SET = 2
    DEL = 3
    REV = 5
    WAIT = 6
    NOP = 7
    WALK = 9
    GETDIR = 14
    STAT = 16
    SELF = 20
    ACCESS = 99


class Err(IntEnum):
    TAG_IN_USE = 1
    UNKNOWN_VERB = 2
    READONLY = 3
    TOO_LATE = 4
    REV_MISMATCH = 5
    BAD_PATH = 6
    MISSING_ARG = 7
    RANGE = 8
    NOTDIR = 20
    ISDIR = 21
    NOENT = 22
    OTHER = 127

    @classmethod
    def words(cls, code: int) -> str:
        """``code`` as the protocol names it."""
        return cls(code).name if code in cls._value2member_map_ else f"error {code}"


class Flag(IntFlag):
    """What a change did to a file."""

    SET = 4
    DEL = 8


MISSING, DIRECTORY = 0, -2  # revisions of what is no file (store.go)
CLOBBER = -1  # a revision that writes over whatever is there


@dataclass(frozen=True, slots=True)
class Request:
    """``rev`` is of the store for reads (``None``: the newest), of the file for writes."""

    verb: int
    path: str | None = None
    value: bytes | None = None
    rev: int | None = None
    offset: int | None = None

    def encode(self, tag: int) -> bytes:
        parts = [_number(1, tag), _number(2, self.verb)]
        if self.path is not None:
            parts.append(_text(4, self.path.encode()))
        if self.value is not None:
            parts.append(_text(5, self.value))
        if self.offset is not None:
            parts.append(_number(7, self.offset))
        if self.rev is not None:
            parts.append(_number(9, self.rev))
        return b"".join(parts)

    @classmethod
    def decode(cls, content: bytes) -> tuple[int | None, Self]:
        """The tag and the request. Raises ``Malformed``."""
        found = dict(_fields(content))
        path = _as_bytes(found.get(4))
        request = cls(
            _as_number(found.get(2)) or 0,
            None if path is None else path.decode("utf-8", "backslashreplace"),
            _as_bytes(found.get(5)),
            _as_number(found.get(9)),
            _as_number(found.get(7)),
        )
        return _as_number(found.get(1)), request


@dataclass(frozen=True, slots=True)
class Response:
    """``value`` stands for itself up to the size of a record."""

    flags: int = 0
    rev: int | None = None
    path: str | None = None
    value: Raw = b""
    len: int | None = None
    error: int = 0
    detail: str = ""

    def encode(self, tag: int | None) -> bytes:
        parts = [] if tag is None else [_number(1, tag)]
        if self.flags:
            parts.append(_number(2, self.flags))
        if self.rev is not None:
            parts.append(_number(3, self.rev))
        if self.path is not None:
            parts.append(_text(5, self.path.encode()))
        if isinstance(self.value, bytes) and self.value:
            parts.append(_text(6, self.value))
        if self.len is not None:
            parts.append(_number(8, self.len))
        if self.error:
            parts.append(_number(100, self.error))
        if self.detail:
            parts.append(_text(101, self.detail.encode()))
        return b"".join(parts)

    @classmethod
    def decode(cls, content: bytes, *, cut: bool = False) -> tuple[int, Self]:
        """The tag and the response; ``cut``: the end of ``content`` is not all. ``Malformed``."""
        found = dict(_fields(content, cut=cut))
        tag, value = _as_number(found.get(1)), found.get(6, b"")
        if tag is None:
            raise Malformed("a response without a tag")
        path, detail = _as_bytes(found.get(5)), _as_bytes(found.get(101)) or b""
        response = cls(
            _as_number(found.get(2)) or 0,
            _as_number(found.get(3)),
            None if path is None else path.decode("utf-8", "backslashreplace"),
            value if isinstance(value, Oversized) else bounded(_as_bytes(value) or b""),
            _as_number(found.get(8)),
            _as_number(found.get(100)) or 0,
            detail.decode("utf-8", "backslashreplace"),
        )
        return tag, response


_Found = int | bytes | Oversized


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value & _MASK)


def _text(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _fields(content: bytes, *, cut: bool = False) -> Iterator[tuple[int, _Found]]:
    """Number and value of each field; where ``content`` is ``cut`` the last may be oversized."""
    place = 0
    while place < len(content):
        try:
            key, place = _read_varint(content, place)
            field, kind = key >> 3, key & 7
            if kind == _VARINT:
                value, place = _read_varint(content, place)
                yield field, value - (1 << 64) if value & _NEGATIVE else value
                continue
            size, place = _size(kind, content, place)
        except IndexError as error:
            if cut:
                return
            raise Malformed("a message that ends too soon") from error
        if place + size > len(content):
            if not cut:
                raise Malformed("a text that ends too soon")
            yield field, Oversized(size)
            return
        yield field, content[place : place + size]
        place += size


def _size(kind: int, content: bytes, place: int) -> tuple[int, int]:
    if kind == _BYTES:
        return _read_varint(content, place)
    if kind in (_FIXED64, _FIXED32):
        return (8 if kind == _FIXED64 else 4), place
    raise Malformed(f"a field of the unknown kind {kind}")


def _read_varint(content: bytes, place: int) -> tuple[int, int]:
    """Raises ``IndexError`` at the end of ``content``."""
    value = shift = 0
    while True:
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & _MASK, place
        shift += 7
        if shift > 63:
            raise Malformed("a number of more than ten bytes")


def _as_number(found: _Found | None) -> int | None:
    if found is None or isinstance(found, int):
        return found
    raise Malformed("a text where a number belongs")


def _as_bytes(found: _Found | None) -> bytes | None:
    if found is None or isinstance(found, bytes):
        return found
    raise Malformed("a number where a text belongs, or a text without an end")
