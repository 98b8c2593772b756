"""Registry records, version 1: what a registry holds about one endpoint, read strictly.

A record is JSON: ``{"address": "10.0.0.7", "port": 3000, "weight": 100, "state": "ready",
"tags": {"zone": "a"}}``. Unknown members are kept out, missing ones take defaults. The formats that
other systems write are read as well, see ``FORMATS``.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from lbdisc import bounded_json
from lbdisc.errors import EntryError
from lbdisc.values import Endpoint

MAX_RECORD = bounded_json.MOST_BYTES  # what is larger is no endpoint
MEMBERS = ("address", "port", "weight", "state", "tags")
TTL = "ttl"  # the member of a registration that tells how long it is good for
_TTL = re.compile(rb'"ttl"\s{0,8}:\s{0,8}([0-9]{1,6}(?:\.[0-9]{1,9})?)\s{0,8}[,}]')


def load_object(text: str | bytes) -> dict[str, Any]:
    """The JSON object in ``text``. Raises ``EntryError`` for anything else."""
    found = bounded_json.load(text)
    if not isinstance(found, dict):
        raise EntryError(f"a JSON {type(found).__name__}: an object is needed")
    return found


def read(text: str | bytes, *, service: str, name: str, port: int | None = None) -> Endpoint:
    """The endpoint that a version 1 record describes. Raises ``EntryError``.

    ``port`` is taken where the record has none.
    """
    return from_object(load_object(text), service=service, name=name, port=port)


def from_object(
    record: Mapping[str, Any], *, service: str, name: str, port: int | None = None
) -> Endpoint:
    known = {member: record[member] for member in MEMBERS if member in record}
    if port is not None:
        known.setdefault("port", port)
    for member in ("address", "port"):
        if member not in known:
            raise EntryError(f"no {member!r}: a record needs address and port")
    return Endpoint(service=service, name=name, **known)


def ttl_in(text: bytes) -> float | None:
    """The seconds that the record ``text`` says it is good for without a renewal, if it does.

    For people who ask later. Found without parsing the record once more: where a text in it has
    such a word, its quotation marks are escaped.
    """
    found = _TTL.search(text)
    return float(found[1]) if found and float(found[1]) > 0 else None


def to_object(endpoint: Endpoint) -> dict[str, Any]:
    """The record of ``endpoint`` as a JSON-ready object."""
    return {
        "address": endpoint.address,
        "port": endpoint.port,
        "weight": endpoint.weight,
        "state": endpoint.state,
        "tags": dict(endpoint.tags),
    }


def write(endpoint: Endpoint) -> str:
    """The record of ``endpoint``, one line."""
    return json.dumps(to_object(endpoint), separators=(",", ":"))
