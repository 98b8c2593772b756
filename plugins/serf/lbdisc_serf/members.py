"""Serf's members as the RPC tells them."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from lbdisc.errors import EntryError
from lbdisc.reading import read_entry

GONE = ("left", "failed", "none")


class BadReply(EntryError):
    """A reply, or a member in it, is not what Serf's protocol says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member; ``status`` is alive, leaving, left, failed or none.

    One whose record cannot be read is a member as well; ``wrong`` says why, and it offers nothing.
    """

    name: str
    address: str
    port: int
    status: str
    tags: Mapping[str, str] = field(default_factory=dict)
    wrong: str = ""


def text(value: object) -> str:
    """The text in raw bytes; what is no UTF-8 becomes surrogates, which no endpoint may have."""
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="surrogateescape")
    if value is None:
        return ""
    raise BadReply(f"a {type(value).__name__} where a text belongs")


def texts(value: object) -> dict[str, str]:
    """A table of texts; Go's nil is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadReply(f"a {type(value).__name__} where a table belongs")
    return {text(name): text(content) for name, content in value.items()}


def address(value: object) -> str:
    """An IP address from its 4 or 16 bytes; IPv4 in IPv6 form becomes plain IPv4."""
    if value is None or value == b"":
        return ""
    if not isinstance(value, bytes) or len(value) not in (4, 16):
        raise BadReply("an address that is not 4 or 16 bytes")
    found = ipaddress.ip_address(value)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def member(record: object) -> Member:
    """The member in ``record``. Raises ``BadReply``."""
    if not isinstance(record, dict):
        raise BadReply(f"a {type(record).__name__} where a member belongs")
    port = record.get(b"Port")
    if not isinstance(port, int) or not isinstance(record.get(b"Name"), bytes):
        raise BadReply("a member without name or port")
    return Member(
        name=text(record[b"Name"]),
        address=address(record.get(b"Addr")),
        port=port,
        status=text(record.get(b"Status")),
        tags=texts(record.get(b"Tags")),
    )


def _listed(record: object) -> Member:
    found = read_entry("", partial(member, record))
    if isinstance(found, Member):
        return found
    said = record if isinstance(record, dict) else {}
    name, status = (said.get(part) for part in (b"Name", b"Status"))
    return Member(
        name=text(name) if isinstance(name, bytes) else "",
        address="",
        port=0,
        status=text(status) if isinstance(status, bytes) else "none",
        wrong=found.what,
    )


def members(reply: Mapping[bytes, object]) -> tuple[Member, ...]:
    """All members of a reply, by name, also those whose record is bad.

    Raises ``BadReply`` if there is no list.
    """
    records = reply.get(b"Members", b"")
    if records is None:
        return ()
    if not isinstance(records, list):
        raise BadReply("no list of members")
    return tuple(sorted(map(_listed, records), key=lambda found: found.name))
