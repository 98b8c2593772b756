"""The tag ``lbdisc.SERVICE`` of a member: ``PORT[;weight=N][;state=draining][;KEY=TEXT …]``.

In keys and texts ``%``, ``;``, ``=`` and what is no printable ASCII are percent-encoded (UTF-8). A
tag of the endpoint that is itself named ``weight`` or ``state`` has its first letter encoded, as
readers know those words only when they are plain. ``off`` says that the member does not offer the
service, whatever its role says.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

import msgpack

from lbdisc.errors import EntryError, SettingsError, shown
from lbdisc.values import Endpoint

PREFIX = "lbdisc."
OFF = "off"
MAX_TAGS = 512  # bytes; serf.go, MetaMaxSize of memberlist
_DIGITS = re.compile(r"[0-9]{1,5}")
_PLAIN = " !\"#$&'()*+,/:<>?@[\\]^`{|}"
_RESERVED = ("weight", "state")


def tag_name(service: str) -> str:
    return PREFIX + service


def write(endpoint: Endpoint) -> str:
    """The tag's value for ``endpoint``; the address is the member's."""
    parts = [str(endpoint.port)]
    if endpoint.weight != 100:
        parts.append(f"weight={endpoint.weight}")
    if endpoint.state != "ready":
        parts.append(f"state={endpoint.state}")
    parts += [f"{_key(name)}={quote(text, safe=_PLAIN)}" for name, text in endpoint.tags]
    return ";".join(parts)


def _key(name: str) -> str:
    return f"%{ord(name[0]):02X}{name[1:]}" if name in _RESERVED else name


def read(value: str, *, service: str, name: str, address: str) -> Endpoint | None:
    """The endpoint that a tag describes, ``None`` for ``off``. Raises ``EntryError``."""
    if value == OFF:
        return None
    port, *parts = value.split(";")
    pairs: dict[str, str] = {}
    for part in parts:
        key, equals, text = part.partition("=")
        if not equals or key in pairs:
            raise EntryError(f"bad part {shown(part)}: KEY=TEXT is needed, each key once")
        pairs[key] = text
    weight = _number(pairs.pop("weight", "100"), "weight")
    state = pairs.pop("state", "ready")
    return Endpoint(
        service=service,
        name=name,
        address=address,
        port=_number(port, "port"),
        weight=weight,
        state=state,  # type: ignore[arg-type] # Endpoint checks it
        tags=tuple((_decoded(key), _decoded(text)) for key, text in pairs.items()),
    )


def _number(text: str, what: str) -> int:
    if _DIGITS.fullmatch(text):
        return int(text)
    raise EntryError(f"bad {what} {shown(text)}: a whole number is needed")


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise EntryError(f"bad text {shown(text)}: no UTF-8") from error


def size(tags: Mapping[str, str]) -> int:
    """The bytes that ``tags`` take in a member; Serf puts one before the msgpack table."""
    return 1 + len(msgpack.packb(dict(tags), use_bin_type=False))


def check_size(tags: Mapping[str, str]) -> None:
    """Raise ``SettingsError`` if a member cannot carry ``tags``."""
    if (taken := size(tags)) > MAX_TAGS:
        raise SettingsError(
            f"the member's tags take {taken} bytes, Serf allows {MAX_TAGS}: "
            "shorten register.tags, serf.tags or the agent's own tags"
        )
