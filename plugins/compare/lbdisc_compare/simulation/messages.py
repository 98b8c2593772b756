"""What gossip's messages weigh on the wire: they are built as Serf builds them, and weighed.

Facts: memberlist 0.2.2, ``net.go`` (the messages, compound packets, compression, CRC) and
``util.go`` (LZW); Serf 0.9.4, ``messages.go`` and ``ping_delegate.go`` (acks carry coordinates).
"""

from functools import lru_cache
from typing import Any

import msgpack

UDP = 28  # bytes of the headers of IPv4 and UDP
TCP = 52  # bytes of the headers of IPv4 and TCP with timestamps
HANDSHAKE = 60  # bytes of a SYN
PACKET = 1400  # bytes that memberlist puts into one packet at the most
COMPOUND = 2  # bytes per message in a compound packet, and once
META = 26  # bytes of the tags of a node with ``lbdisc.nodes=3000``, in msgpack
VERSIONS = b"\x01\x05\x02\x02\x05\x04"
NAME = "node-00000"
ADDRESS = b"\x0a\x00\x00\x01"
PORT = 7946
EXTRAPOLATED = 1000  # members beyond which the state's size is taken as growing in proportion


def _packed(kind: int, message: dict[str, Any]) -> bytes:
    packed: bytes = msgpack.packb(message, use_bin_type=False)
    return bytes([kind]) + packed


def _named(number: int) -> str:
    return f"node-{number:05d}"


def _source() -> dict[str, Any]:
    return {"SourceAddr": ADDRESS, "SourceNode": NAME, "SourcePort": PORT}


def ping() -> bytes:
    return _packed(0, {"Node": NAME, "SeqNo": 70_000, **_source()})


def indirect_ping() -> bytes:
    target = {"Nack": True, "Node": NAME, "Port": PORT, "SeqNo": 70_000, "Target": ADDRESS}
    return _packed(1, target | _source())


def ack(*, coordinate: bool = True) -> bytes:
    """With the answering member's coordinate, as the answer to a direct ping has it."""
    vector = [1.234e-5 * (n + 1) for n in range(8)]
    place = {"Adjustment": 1.2e-5, "Error": 0.123456, "Height": 1.1e-5, "Vec": vector}
    payload = b"\x01" + msgpack.packb(place, use_bin_type=False) if coordinate else None
    return _packed(2, {"Payload": payload, "SeqNo": 70_000})


def nack() -> bytes:
    return _packed(11, {"SeqNo": 70_000})


def suspect(number: int = 1) -> bytes:
    return _packed(3, {"From": NAME, "Incarnation": 3, "Node": _named(number)})


def dead(number: int = 1) -> bytes:
    return _packed(5, {"From": NAME, "Incarnation": 3, "Node": _named(number)})


def alive(number: int = 1) -> bytes:
    fields = {"Addr": ADDRESS, "Incarnation": 3, "Meta": bytes(META), "Node": _named(number)}
    return _packed(4, fields | {"Port": PORT, "Vsn": VERSIONS})


def join_intent(number: int = 1) -> bytes:
    """Serf's word beside memberlist's ``alive``; as a user message."""
    return b"\x08" + _packed(1, {"LTime": 70, "Node": _named(number)})


def lzw(data: bytes) -> int:
    """Bytes of ``data`` after Go's ``compress/lzw`` with 8-bit literals, and its envelope."""
    known: set[bytes] = set()
    bits = width = 9
    word = b""
    taken = 257
    for value in data:
        longer = word + bytes([value])
        if len(longer) == 1 or longer in known:
            word = longer
            continue
        bits += width
        known.add(longer)
        taken += 1
        word = longer[-1:]
        if taken == 1 << width:
            width += 1
        if taken == 4095:
            bits, width, taken = bits + 12, 9, 257
            known.clear()
    return (bits + 2 * width + 7) // 8 + 14


@lru_cache(maxsize=4096)
def packet(*parts: bytes) -> int:
    """Bytes of a packet with these messages, its headers included."""
    if len(parts) == 1:
        content = parts[0]
    else:
        lengths = b"".join(len(part).to_bytes(2, "big") for part in parts)
        content = b"\x07" + bytes([len(parts) % 256]) + lengths + b"".join(parts)
    return UDP + min(len(content), lzw(content))


def _state(members: int) -> bytes:
    header = {"Join": False, "Nodes": members, "UserStateLen": members * 12}
    states = b"".join(
        msgpack.packb(
            {
                "Addr": bytes([10, 0, number // 256 % 256, number % 256]),
                "Incarnation": 3,
                "Meta": bytes(META),
                "Name": _named(number),
                "Port": PORT,
                "State": 0,
                "Vsn": VERSIONS,
            },
            use_bin_type=False,
        )
        for number in range(members)
    )
    serf = {
        "EventLTime": 1,
        "Events": [None] * 512,
        "LTime": 70,
        "LeftMembers": [],
        "QueryLTime": 1,
        "StatusLTimes": {_named(number): 1 + number % 100 for number in range(members)},
    }
    return _packed(6, header) + states + _packed(2, serf)


@lru_cache(maxsize=256)
def state(members: int) -> int:
    """Bytes of one member's whole state as push/pull sends it, compressed."""
    if members <= EXTRAPOLATED:
        return lzw(_state(members))
    small, large = state(EXTRAPOLATED // 2), state(EXTRAPOLATED)
    return large + (large - small) * (members - EXTRAPOLATED) // (EXTRAPOLATED // 2)


def push_pull_packets(members: int, segment: int) -> int:
    """Packets of one exchange, both ways together.

    Handshake of three, the two states in segments, an acknowledgement for every second one, and
    four to close. ``segment`` is what fits into a packet of TCP: 65,483 bytes on ``lo``, 1,448 on
    Ethernet.
    """
    segments = -(-state(members) // segment)
    return 3 + 2 * (segments + (segments + 1) // 2) + 4


def push_pull_bytes(members: int, segment: int) -> int:
    """Bytes of one exchange, both ways together, with headers."""
    plain = push_pull_packets(members, segment) - 2
    return 2 * HANDSHAKE + plain * TCP + 2 * state(members)
