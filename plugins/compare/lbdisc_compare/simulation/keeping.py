"""What keeps a registration alive at servers, what that costs them, and when a crash shows.

Three ways: a lease renewed by requests (etcd), a session kept by pings (ZooKeeper), a record that
is written again and again (doozer). A change goes to every balancer that watches.
"""

from dataclasses import dataclass

import numpy as np

from lbdisc_compare.simulation.crowd import Times

RECORD = 72  # bytes: {"address":"10.0.0.1","port":3000,"weight":100,"state":"ready","tags":{}}
KEY = 24  # bytes: /lbdisc/nodes/node-00001


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """Seconds and bytes. A ``request`` goes to a server and is answered.

    ``puts``: how often a registrar puts within ``ttl``; ``requests`` in a put, of which ``writes``
    go through consensus. ``put_packets`` and ``put_bytes`` of a put, both ways together, with what
    the client's library sends because of it and with headers; likewise ``pings`` per second, beside
    the puts. ``tick``: the server looks for what has expired so often. ``by_reader``: no server
    expires anything; each balancer does, and sees every put. ``basis``: where packets are from.
    """

    way: str
    ttl: float = 10.0
    puts: float = 3.0
    requests: float
    writes: float
    put_packets: float
    put_bytes: float
    basis: str
    pings: float = 0.0
    ping_packets: float = 0.0
    ping_bytes: float = 0.0
    tick: float
    event_bytes: int
    entry_bytes: int
    by_reader: bool = False

    @property
    def pace(self) -> float:
        """Seconds between two puts."""
        return self.ttl / self.puts

    def requests_per_second(self, nodes: int) -> float:
        return nodes * (self.requests / self.pace + self.pings)

    def writes_per_second(self, nodes: int) -> float:
        """Those that go through consensus."""
        return nodes * self.writes / self.pace

    def events_per_second(self, nodes: int, balancers: int) -> float:
        """What is told to watchers while nothing changes."""
        return self.writes_per_second(nodes) * balancers if self.by_reader else 0.0

    def packets_per_second(self, nodes: int) -> float:
        """At the servers, in and out, of what keeps registrations; watches beside."""
        return nodes * (self.put_packets / self.pace + self.pings * self.ping_packets)

    def bytes_per_second(self, nodes: int, balancers: int) -> float:
        beats = self.put_bytes / self.pace + self.pings * self.ping_bytes
        return nodes * beats + self.events_per_second(nodes, balancers) * self.event_bytes

    def detection(self, trials: int, random: np.random.Generator) -> Times:
        """Seconds from kill -9 until the balancers are told, in ``trials`` cases.

        The last sign of life was up to a pace ago; the server finds what has expired at its next
        tick.
        """
        between = min(self.pace, 1 / self.pings) if self.pings else self.pace
        last = random.uniform(0.0, between, trials)
        return self.ttl - last + random.uniform(0.0, self.tick, trials)


# etcd 3.4, lessor.go: expired leases are looked for every 500 ms. A put of lbdisc refreshes the
# lease and reads the key; the lease is renewed at the leader, not through consensus.
LEASE = Upkeep(
    way="lease",
    requests=2.0,
    writes=0.0,
    put_packets=19.0,
    put_bytes=1600.0,
    basis="two puts of one registrar, captured: a stream for the refresh, a read, gRPC's probes of "
    "the window, which are pings, and TCP's acknowledgements: 17 and 21 packets",
    tick=0.5,
    event_bytes=60 + KEY + RECORD + 52,
    entry_bytes=KEY + RECORD + 22,
)
# ZooKeeper, SessionTrackerImpl.java: sessions expire in buckets of a tickTime (2 s). A client pings
# when it was silent for a third of the timeout; a put of lbdisc reads the node.
SESSION = Upkeep(
    way="session",
    requests=1.0,
    writes=0.0,
    put_packets=5.0,
    put_bytes=493.0,
    basis="counted of one registrar for 30 s: 1.5 packets and 148 bytes a second; ten had 1.8 each",
    pings=0.0,
    tick=2.0,
    event_bytes=36 + KEY + 52,
    entry_bytes=KEY + RECORD + 88,
)
# doozer: no leases. Each put is a write that all watchers see; each reader expires by itself.
HEARTBEAT = Upkeep(
    way="heartbeat",
    requests=1.0,
    writes=1.0,
    put_packets=3.0,
    put_bytes=320.0,
    basis="an assumption: a frame of about 110 bytes, its answer, an acknowledgement",
    tick=1.0,
    event_bytes=20 + KEY + RECORD + 52,
    entry_bytes=20 + KEY + RECORD,
    by_reader=True,
)
KEEPINGS = (LEASE, SESSION, HEARTBEAT)
