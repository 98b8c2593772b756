"""How the news of a join spreads through a large cluster."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lbdisc_compare.simulation import messages
from lbdisc_compare.simulation.crowd import Crowd, Indices, Times
from lbdisc_compare.simulation.profiles import GossipProfile

JOINER, CONTACT = 0, 1  # the members


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """``known``: seconds after the join at which each member knew; sorted.

    ``packets`` and ``bytes`` are those that the cluster sent because of it, in all.
    """

    known: Times
    packets: int
    bytes: int
    missed: int  # members that gossip passed by: they learnt it from an exchange of states

    def until(self, share: float) -> float:
        """Seconds until this share of the members knew."""
        return float(self.known[max(0, int(np.ceil(share * len(self.known))) - 1)])


ALIVE, INTENT = 0, 1  # memberlist's word, told by the contact; Serf's, told by the new one
SIZES = np.array([len(messages.alive()), len(messages.join_intent())])
MARKS = messages.COMPOUND * 2  # bytes of a compound packet beside its messages


class _News:
    """The two words of a join: who knows which, and how often each will still send it on."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self.known = np.full((2, crowd.members), np.inf)
        self.left = np.zeros((2, crowd.members), dtype=np.int64)
        self._limit = crowd.profile.retransmits(crowd.members)
        self.packets = self.bytes = self.missed = 0

    def tell(self, word: int, members: Indices, at: float) -> int:
        """Those who did not know; returns how many they are."""
        known = self.known[word]
        new = np.unique(members[np.isinf(known[members])])
        known[new] = at
        self.left[word, new] = self._limit
        return len(new)

    @property
    def told(self) -> bool:
        """Whether nobody has anything to send on."""
        return not self.left.any()

    @property
    def _talking(self) -> NDArray[np.bool_]:
        talking: NDArray[np.bool_] = self.left.max(axis=0) > 0
        return talking

    def gossip(self, step: int, at: float) -> None:
        senders = self._crowd.gossiping(step)
        senders = senders[self._talking[senders]]
        targets = self._crowd.others(senders, self._crowd.profile.gossip_nodes)
        turn = np.arange(targets.shape[1])
        sent = [turn < self.left[word, senders][:, None] for word in (ALIVE, INTENT)]
        for word in (ALIVE, INTENT):
            self.left[word, senders] -= sent[word].sum(axis=1)
            self.tell(word, targets[sent[word]], at)
        packets = int((sent[ALIVE] | sent[INTENT]).sum())
        both = int((sent[ALIVE] & sent[INTENT]).sum())
        self.packets += packets
        self.bytes += packets * messages.UDP + both * (MARKS + 2 * messages.COMPOUND)
        self.bytes += int(SIZES @ [sent[ALIVE].sum(), sent[INTENT].sum()])

    def probe(self, step: int, at: float) -> None:
        """Pings and their answers carry the news as well."""
        probers = self._crowd.probing(step)
        targets = self._crowd.others(probers, 1)[:, 0]
        for word in (ALIVE, INTENT):
            self._carry(word, probers, targets, at)
            self._carry(word, targets, probers, at)

    def _carry(self, word: int, senders: Indices, targets: Indices, at: float) -> None:
        left = self.left[word]
        carrying = left[senders] > 0
        np.subtract.at(left, senders[carrying], 1)
        np.maximum(left, 0, out=left)
        self.bytes += int(carrying.sum()) * int(SIZES[word] + 2 * messages.COMPOUND)
        self.tell(word, targets[carrying], at)

    def exchange(self, step: int, at: float) -> None:
        one = self._crowd.exchanging(step)
        other = self._crowd.others(one, 1)[:, 0]
        known = self.known[ALIVE]
        half = np.isinf(known[one]) != np.isinf(known[other])
        self.missed += self.tell(ALIVE, np.concatenate([one[half], other[half]]), at)


def _introduction(members: int, profile: GossipProfile) -> int:
    """Packets in which the new member sends on whom it was told of: all others are news to it."""
    each = (messages.PACKET - messages.COMPOUND) // int(SIZES[ALIVE] + messages.COMPOUND)
    return -(-(members - 1) * profile.retransmits(members) // each)


def join(members: int, profile: GossipProfile, random: np.random.Generator) -> Spread:
    """A member joins by one that is there; ``members`` counts it.

    The contact broadcasts it. The new one itself has first to pass on all others that were news to
    it, so it does not help; it broadcasts Serf's intent, which everybody passes on as well.
    """
    crowd = Crowd(members, profile, random)
    news = _News(crowd)
    news.tell(ALIVE, np.array([JOINER, CONTACT]), 0.0)
    news.left[ALIVE, JOINER] = 0
    news.tell(INTENT, np.array([JOINER]), 0.0)
    step = 0
    while np.isinf(news.known[ALIVE]).any() or not news.told:
        step += 1
        at = (step - 0.5) * crowd.step
        if not news.told:
            news.gossip(step, at)
            news.probe(step, at)
        news.exchange(step, at)
    introduction = _introduction(members, profile)
    return Spread(
        known=np.sort(news.known[ALIVE]),
        packets=news.packets + introduction,
        bytes=news.bytes + introduction * messages.PACKET,
        missed=news.missed,
    )
