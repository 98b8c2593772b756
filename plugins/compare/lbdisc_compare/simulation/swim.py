"""One member of a gossip cluster, event by event, as memberlist has it.

Facts: memberlist 0.2.2, ``state.go``, ``suspicion.go``, ``awareness.go``; Das, Gupta, Motivala,
"SWIM", 2002; Dadgar, Phillips, Currey, "Lifeguard", 2018.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from lbdisc_compare.simulation import messages
from lbdisc_compare.simulation.broadcasts import Broadcasts, Rumour
from lbdisc_compare.simulation.network import Network
from lbdisc_compare.simulation.profiles import GossipProfile

Status = Literal["alive", "suspect", "dead"]
Told = Callable[[float, int, int, str], None]


@dataclass(slots=True)
class _Opinion:
    """What is thought of another; ``sources`` are those that suspect it."""

    status: Status = "alive"
    incarnation: int = 0
    since: float = 0.0
    sources: set[int] = field(default_factory=set)
    wanted: int = 0
    version: int = 0  # of the timer that counts


@dataclass(slots=True)
class _Probe:
    target: int
    deadline: float
    answered: bool = False
    reached: bool = False
    asked: int = 0
    nacks: int = 0


class SwimMember:
    """``told`` hears of each change: time, this member, the other, ``join`` or ``failed``."""

    def __init__(
        self,
        number: int,
        peers: list[SwimMember],
        profile: GossipProfile,
        network: Network,
        told: Told,
    ) -> None:
        self.number = number
        self.incarnation = 0
        self.awareness = 0
        self.knows: set[int] | None = None  # whom it knows; None: all
        self.broadcasts = Broadcasts()
        self.intents = Broadcasts()
        self._heard_of: set[int] = set()  # joins that it has passed on
        self._peers = peers
        self._profile = profile
        self._network = network
        self._events = network.events
        self._random = network.random
        self._told = told
        self._opinions: dict[int, _Opinion] = {}
        self._order: list[int] = []
        self._probing: _Probe | None = None
        self._due = False

    # Beginning

    def begin(self) -> None:
        """Start its clocks at moments of its own, as if it had run for long."""
        profile, now = self._profile, self._events.now
        self._events.plan(now + self._random.uniform(0, profile.probe_interval), self._tick)
        self._events.plan(now + self._random.uniform(0, profile.gossip_interval), self._gossip)
        self._events.plan(now + self._random.uniform(0, self._push_pull_interval), self._push_pull)

    @property
    def size(self) -> int:
        return len(self._peers) if self.knows is None else len(self.knows)

    @property
    def _push_pull_interval(self) -> float:
        return self._profile.push_pull(self.size)

    @property
    def gone(self) -> bool:
        return self.number in self._network.crashed

    def thinks(self, node: int) -> Status | None:
        """``None``: it does not know it."""
        if self.knows is not None and node not in self.knows:
            return None
        opinion = self._opinions.get(node)
        return opinion.status if opinion else "alive"

    def _others(self, count: int, *without: int, suspects: bool = True) -> list[int]:
        """``kRandomNodes``: it draws, and gives up after three times as many draws as members."""
        found: list[int] = []
        size = len(self._peers)
        for _ in range(3 * size):
            if len(found) == count:
                break
            one = self._random.randrange(size)
            if one == self.number or one in without or one in found:
                continue
            status = self.thinks(one)
            if status == "alive" or (suspects and (status == "suspect" or self._recent(one))):
                found.append(one)
        return found

    def _recent(self, node: int) -> bool:
        """Gossip goes to the dead for a while: they may want to refute."""
        opinion = self._opinions.get(node)
        if opinion is None or opinion.status != "dead":
            return False
        return self._events.now - opinion.since <= self._profile.gossip_to_the_dead

    # Sending

    def _words(self, head: int) -> list[Rumour]:
        limit = self._profile.retransmits(self.size)
        room = messages.PACKET - messages.COMPOUND - head
        words = self.broadcasts.take(limit, room)
        if self.intents:
            room -= sum(96 for _ in words)
            words += self.intents.take(limit, room)
        return words

    def _send(self, kind: str, target: int, call: Callable[..., None], *arguments: object) -> None:
        head = 160 if kind == "ack" else 110
        words = self._words(head) if self.broadcasts or self.intents else []
        receiver = self._peers[target]
        self._network.send(kind, self.number, target, words, receiver.receive, words, call,
                           arguments)  # fmt: skip

    def receive(
        self, words: list[Rumour], call: Callable[..., None] | None, arguments: tuple[object, ...]
    ) -> None:
        """A packet: its own message, and what it carries."""
        if call is not None:
            call(*arguments)
        for word in words:
            self.hear(word)

    def _gossip(self) -> None:
        if self.gone:
            return
        if self.broadcasts or self.intents:
            for target in self._others(self._profile.gossip_nodes):
                words = self._words(0)
                if not words:
                    break
                receiver = self._peers[target].receive
                self._network.send("gossip", self.number, target, words, receiver, words, None, ())
        self._events.plan(self._events.now + self._profile.gossip_interval, self._gossip)

    # Probing

    def _tick(self) -> None:
        if self.gone:
            return
        self._events.plan(self._events.now + self._profile.probe_interval, self._tick)
        if self._probing is not None:
            self._due = True
        else:
            self._probe()

    def _next(self) -> int | None:
        for _ in range(2 * len(self._peers)):
            if not self._order:
                self._order = list(range(len(self._peers)))
                self._random.shuffle(self._order)
            one = self._order.pop()
            if one != self.number and self.thinks(one) in ("alive", "suspect"):
                return one
        return None

    def _probe(self) -> None:
        self._due = False
        target = self._next()
        if target is None:
            return
        peer = self._peers[target]
        if self._network.well and not (
            self.broadcasts or self.intents or peer.broadcasts or peer.intents
        ):
            # Nothing can go wrong and nothing is carried: the answer is there at once.
            self._network.count("ping", [])
            self._network.count("ack", [])
            self._adjust(-1)
            return
        now = self._events.now
        interval = self._profile.probe_interval * (self.awareness + 1)
        probe = self._probing = _Probe(target, now + interval)
        if self.thinks(target) == "suspect":
            self._accuse(target)
        self._send("ping", target, peer.pinged, self, probe)
        self._events.plan(now + self._profile.probe_timeout, self._ask_others, probe)
        self._events.plan(probe.deadline, self._judge, probe)

    def _accuse(self, target: int) -> None:
        """A ping of a suspect tells it so, that it can refute."""
        opinion = self._opinions[target]
        word = Rumour("suspect", target, opinion.incarnation, self.number)
        self._network.send("gossip", self.number, target, [word],
                           self._peers[target].receive, [word], None, ())  # fmt: skip
        self._network.packets["gossip"] -= 1  # it is in the ping's packet

    def pinged(self, asking: SwimMember, probe: _Probe) -> None:
        self._send("ack", asking.number, asking.answered, probe)

    def answered(self, probe: _Probe) -> None:
        if probe.answered or self._events.now > probe.deadline or self._probing is not probe:
            return
        probe.answered = True
        self._adjust(-1)
        self._finish()

    def _finish(self) -> None:
        self._probing = None
        if self._due and not self.gone:
            self._probe()

    def _ask_others(self, probe: _Probe) -> None:
        if probe.answered or self.gone:
            return
        peers = self._others(self._profile.indirect_checks, probe.target, suspects=False)
        probe.asked = len(peers)
        for peer in peers:
            self._send("indirect", peer, self._peers[peer].asked_to_ping, self, probe)
        probe.reached = self._network.reached(self.number, probe.target, probe.deadline)

    def asked_to_ping(self, asking: SwimMember, probe: _Probe) -> None:
        """Ping another's target; tell it of the answer, or that there was none."""
        inquiry = _Probe(probe.target, self._events.now + self._profile.probe_timeout)
        self._send("ping", probe.target, self._peers[probe.target].pinged_for, self, inquiry,
                   asking, probe)  # fmt: skip
        self._events.plan(inquiry.deadline, self._give_up, inquiry, asking, probe)

    def pinged_for(
        self, peer: SwimMember, inquiry: _Probe, asking: SwimMember, probe: _Probe
    ) -> None:
        self._send("ack", peer.number, peer.relay, inquiry, asking, probe)

    def relay(self, inquiry: _Probe, asking: SwimMember, probe: _Probe) -> None:
        if self._events.now <= inquiry.deadline:
            inquiry.answered = True
            self._send("relayed", asking.number, asking.answered, probe)

    def _give_up(self, inquiry: _Probe, asking: SwimMember, probe: _Probe) -> None:
        if not inquiry.answered and not self.gone:
            self._send("nack", asking.number, asking.denied, probe)

    def denied(self, probe: _Probe) -> None:
        if self._events.now <= probe.deadline:
            probe.nacks += 1

    def _judge(self, probe: _Probe) -> None:
        if probe.answered or self.gone:
            return
        if probe.reached:
            self._adjust(-1)
        else:
            self._adjust(probe.asked - probe.nacks if probe.asked else 1)
            opinion = self._opinions.get(probe.target)
            incarnation = opinion.incarnation if opinion else 0
            self.hear(Rumour("suspect", probe.target, incarnation, self.number))
        self._finish()

    def _adjust(self, by: int) -> None:
        self.awareness = min(max(0, self.awareness + by), self._profile.awareness_max - 1)

    # Hearing

    def hear(self, word: Rumour) -> None:
        if word.kind == "join":
            if word.node not in self._heard_of:
                self._heard_of.add(word.node)
                self.intents.say(word)
        elif word.kind == "alive":
            self._hear_alive(word)
        elif self.thinks(word.node) is not None:
            opinion = self._opinions.setdefault(word.node, _Opinion())
            if word.incarnation >= opinion.incarnation:
                hear = self._hear_suspect if word.kind == "suspect" else self._hear_dead
                hear(word, opinion)

    def _hear_alive(self, word: Rumour) -> None:
        new = self.thinks(word.node) is None
        opinion = self._opinions.setdefault(word.node, _Opinion())
        if word.node == self.number or (not new and word.incarnation <= opinion.incarnation):
            return
        if self.knows is not None:
            self.knows.add(word.node)
        if new or opinion.status == "dead":
            self._told(self._events.now, self.number, word.node, "join")
        opinion.status, opinion.incarnation = "alive", word.incarnation
        opinion.version += 1
        self.broadcasts.say(word)

    def _hear_suspect(self, word: Rumour, opinion: _Opinion) -> None:
        if word.node == self.number:
            self._refute(word)
        elif opinion.status == "suspect":
            if word.source not in opinion.sources and len(opinion.sources) <= opinion.wanted:
                opinion.sources.add(word.source)
                self._wait(word.node, opinion)
                self.broadcasts.say(word)
        elif opinion.status == "alive":
            self.broadcasts.say(word)
            opinion.status, opinion.incarnation = "suspect", word.incarnation
            opinion.since, opinion.sources = self._events.now, {word.source}
            opinion.wanted = self._profile.confirmations(self.size)
            self._wait(word.node, opinion)

    def _wait(self, node: int, opinion: _Opinion) -> None:
        opinion.version += 1
        timeout = self._profile.suspicion(self.size, len(opinion.sources) - 1)
        self._events.plan(opinion.since + timeout, self._expire, node, opinion, opinion.version)

    def _expire(self, node: int, opinion: _Opinion, version: int) -> None:
        if opinion.version == version and opinion.status == "suspect" and not self.gone:
            self.hear(Rumour("dead", node, opinion.incarnation, self.number))

    def _hear_dead(self, word: Rumour, opinion: _Opinion) -> None:
        if word.node == self.number:
            self._refute(word)
        elif opinion.status != "dead":
            self.broadcasts.say(word)
            opinion.status, opinion.incarnation = "dead", word.incarnation
            opinion.since = self._events.now
            opinion.version += 1
            self._told(self._events.now, self.number, word.node, "failed")

    def _refute(self, word: Rumour) -> None:
        if word.incarnation < self.incarnation:
            return
        self.incarnation = word.incarnation + 1
        self._adjust(1)
        self.broadcasts.say(Rumour("alive", self.number, self.incarnation))

    # Exchanging whole states

    def _push_pull(self) -> None:
        if self.gone:
            return
        for other in self._others(1, suspects=False):
            self.exchange(self._peers[other])
        self._events.plan(self._events.now + self._push_pull_interval, self._push_pull)

    def exchange(self, other: SwimMember) -> None:
        """Give each other all that is known, if both are there."""
        if self._network.exchange(self.number, other.number, max(self.size, other.size)):
            mine, theirs = self._state(), other._state()
            self._merge(theirs, other)
            other._merge(mine, self)

    def _state(self) -> list[Rumour]:
        """What is not as at the beginning."""
        words = {
            node: Rumour(opinion.status, node, opinion.incarnation)
            for node, opinion in self._opinions.items()
            if node != self.number and self.thinks(node) is not None
        }
        own = Rumour("alive", self.number, self.incarnation)
        return [own, *words.values()]

    def _merge(self, state: list[Rumour], other: SwimMember) -> None:
        if self.knows is not None:
            known = range(len(self._peers)) if other.knows is None else other.knows
            for node in sorted(set(known) - self.knows):
                self.hear(Rumour("alive", node))
        for word in state:
            # Who is dead there is only suspected here, by oneself.
            kind = "alive" if word.kind == "alive" else "suspect"
            self.hear(Rumour(kind, word.node, word.incarnation, self.number))
