"""Where a user outgrows one registry: what the systems' own documents say about size."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeLimit:
    """``words`` are ours; ``source`` is the document and its section that they are from.

    ``nodes``: the number of nodes that follows, where one does; ``way`` is the protocol.
    """

    way: str
    system: str
    words: str
    source: str
    nodes: int | None = None


LIMITS = (
    SizeLimit(
        way="gossip",
        system="Serf and Consul",
        words="Consul, whose membership is Serf's, is recommended for up to 5,000 client agents in "
        "one datacenter; the size of the pool and how many come and go are what tells.",
        source="Consul, Validated designs, Sizing guidelines",
        nodes=5_000,
    ),
    SizeLimit(
        way="gossip",
        system="Serf",
        words="All tags of a member together have 512 bytes; each exchange of states carries those "
        "of all members, and each member exchanges more rarely the more there are.",
        source="memberlist, MetaMaxSize (net.go) and pushPullScale (util.go)",
    ),
    SizeLimit(
        way="lease",
        system="etcd",
        words="The largest class of machines that is described by a bound is for fewer than 1,500 "
        "clients and 10,000 requests a second, such as a Kubernetes cluster of 1,000 nodes; "
        "beyond is one of 3,000 nodes.",
        source="etcd 3.5, Hardware recommendations, Example hardware configurations",
        nodes=1_500,
    ),
    SizeLimit(
        way="lease",
        system="etcd",
        words="A request has 1.5 MiB at the most, the data 2 GiB by default and 8 GiB as the "
        "suggested most: registrations meet neither, reads of everything in one request would.",
        source="etcd 3.5, System limits",
    ),
    SizeLimit(
        way="lease",
        system="etcd",
        words="More than 30,000 requests a second under heavy load, with three members.",
        source="etcd, Performance, Understanding performance",
    ),
    SizeLimit(
        way="session",
        system="ZooKeeper",
        words="A packet has just under 1 MiB by default (jute.maxbuffer), to be changed on all "
        "servers and clients alike; 60 connections from one address (maxClientCnxns), which "
        "many registrars behind one NAT meet.",
        source="ZooKeeper Administrator's Guide, Advanced Configuration and Unsafe Options",
    ),
    SizeLimit(
        way="session",
        system="ZooKeeper",
        words="Three servers answered 87,000 reads or 21,000 writes a second on the hardware of "
        "2010; more servers read faster and write slower.",
        source="Hunt, Konar, Junqueira, Reed, ZooKeeper, USENIX ATC 2010, table 1",
    ),
    SizeLimit(
        way="heartbeat",
        system="doozer",
        words="For small amounts of extremely important data: every beat of every node goes "
        "through consensus and to every reader.",
        source="doozerd, README",
    ),
    SizeLimit(
        way="poll",
        system="HAProxy",
        words="Answers have 512 bytes by default; over UDP 4,096 are recommended, and no more than "
        "8,192; a name server that is asked over TCP can give 65,535. What does not fit is never "
        "seen.",
        source="HAProxy configuration manual, 5.3.2, accepted_payload_size",
        nodes=4_093,
    ),
)
