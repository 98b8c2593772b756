"""What other systems already write into registries, read as endpoints.

``lbdisc``     JSON, version 1 (see ``records``)
``hostport``   the text ``ip:port``, an IPv6 address in brackets
``nerve``      AirBnB's Nerve: ``{"host": …, "port": …, "name": …, "weight": …, "labels": {…}}``
``serverset``  Finagle's and Aurora's server sets: ``{"serviceEndpoint": {"host": …, "port": …},
               "additionalEndpoints": {…}, "status": "ALIVE", "shard": 0}``
``curator``    Apache Curator's service discovery (``ServiceInstance``): ``{"name": …, "id": …,
               "address": …, "port": …, "payload": …, "enabled": true}``
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

from lbdisc import records
from lbdisc.errors import EntryError, shown
from lbdisc.values import Endpoint

Format = Literal["lbdisc", "hostport", "nerve", "serverset", "curator"]
FORMATS: tuple[str, ...] = get_args(Format)


def parse(
    format: Format, text: str | bytes, *, service: str, name: str, port: int | None = None
) -> Endpoint | None:
    """The endpoint that ``text`` describes; ``None`` for one that says of itself it is not there.

    ``port`` is taken where the record has none. Raises ``EntryError``.
    """
    if format == "lbdisc":
        return records.read(text, service=service, name=name, port=port)
    found = (
        _host_port(text) if format == "hostport" else _OBJECTS[format](records.load_object(text))
    )
    if found is None:
        return None
    return records.from_object(found, service=service, name=name, port=port)


def _host_port(text: str | bytes) -> dict[str, Any]:
    try:
        value = text.decode() if isinstance(text, bytes) else text
    except UnicodeDecodeError as error:
        raise EntryError("no UTF-8: ADDRESS:PORT is needed") from error
    host, colon, port = value.strip().rpartition(":")
    if not colon:
        host, port = port, ""
    elif not (port.isascii() and port.isdigit() and len(port) <= 5):
        raise EntryError("bad port: ADDRESS:PORT is needed")
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise EntryError("bad address: ADDRESS:PORT is needed, an IPv6 address in brackets")
    return _without_empty({"address": host.strip("[]"), "port": int(port) if port else None})


def _nerve(record: Mapping[str, Any]) -> dict[str, Any]:
    return _without_empty(
        {
            "address": record.get("host"),
            "port": record.get("port"),
            "weight": record.get("weight"),
            "tags": record.get("labels"),
        }
    )


def _server_set(record: Mapping[str, Any]) -> dict[str, Any] | None:
    # Finagle's codec: DEAD, STARTING, ALIVE, STOPPING, STOPPED, WARNING, UNKNOWN
    status = record.get("status", "ALIVE")
    if status in ("DEAD", "STARTING", "STOPPED"):
        return None
    endpoint = record.get("serviceEndpoint")
    if not isinstance(endpoint, Mapping):
        raise EntryError(f"bad serviceEndpoint {shown(endpoint)}: an object with host and port")
    shard = record.get("shard")
    tags = {"shard": str(shard)} if isinstance(shard, int) else {}
    return _without_empty(
        {
            "address": endpoint.get("host"),
            "port": endpoint.get("port"),
            "state": "draining" if status == "STOPPING" else "ready",
            "tags": tags,
        }
    )


def _curator(record: Mapping[str, Any]) -> dict[str, Any] | None:
    if record.get("enabled", True) is False:
        return None
    port = record.get("port") or record.get("sslPort")
    tags = {"id": record["id"]} if isinstance(record.get("id"), str) else {}
    return _without_empty({"address": record.get("address"), "port": port, "tags": tags})


def _without_empty(record: dict[str, Any]) -> dict[str, Any]:
    return {member: value for member, value in record.items() if value is not None}


_OBJECTS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any] | None]] = {
    "nerve": _nerve,
    "serverset": _server_set,
    "curator": _curator,
}
