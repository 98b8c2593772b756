"""How the news of a join spreads through a large cluster."""

from dataclasses import dataclass

import numpy as np

from lbdisc_compare.simulation import messages
from lbdisc_compare.simulation.crowd import Crowd, Indices, Times
from lbdisc_compare.simulation.profiles import GossipProfile

JOINER, CONTACT = 0, 1


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


class _News:
    """One piece of news: who knows it, and how often each will still send it on."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self.known = np.full(crowd.members, np.inf)
        self.left = np.zeros(crowd.members, dtype=np.int64)
        self._limit = crowd.profile.retransmits(crowd.members)
        self.gossiped = self.carried = self.missed = 0

    def tell(self, members: Indices, at: float) -> int:
        """Those who did not know; returns how many they are."""
        new = np.unique(members[np.isinf(self.known[members])])
        self.known[new] = at
        self.left[new] = self._limit
        return len(new)

    def gossip(self, step: int, at: float) -> None:
        senders = self._crowd.gossiping(step)
        senders = senders[self.left[senders] > 0]
        targets = self._crowd.others(senders, self._crowd.profile.gossip_nodes)
        sent = np.arange(targets.shape[1]) < self.left[senders][:, None]
        self.left[senders] -= sent.sum(axis=1)
        self.gossiped += int(sent.sum())
        self.tell(targets[sent], at)

    def probe(self, step: int, at: float) -> None:
        """Pings and their answers carry the news as well."""
        probers = self._crowd.probing(step)
        targets = self._crowd.others(probers, 1)[:, 0]
        self._carry(probers, targets, at)
        self._carry(targets, probers, at)

    def _carry(self, senders: Indices, targets: Indices, at: float) -> None:
        carrying = self.left[senders] > 0
        np.subtract.at(self.left, senders[carrying], 1)
        np.maximum(self.left, 0, out=self.left)
        self.carried += int(carrying.sum())
        self.tell(targets[carrying], at)

    def exchange(self, step: int, at: float) -> None:
        one = self._crowd.exchanging(step)
        other = self._crowd.others(one, 1)[:, 0]
        half = np.isinf(self.known[one]) != np.isinf(self.known[other])
        self.missed += self.tell(np.concatenate([one[half], other[half]]), at)


def join(members: int, profile: GossipProfile, random: np.random.Generator) -> Spread:
    """A member joins by one that is there; ``members`` counts it.

    The contact broadcasts it. The new one itself has first to pass on all others that were news to
    it, so it does not help.
    """
    crowd = Crowd(members, profile, random)
    news = _News(crowd)
    news.tell(np.array([JOINER, CONTACT]), 0.0)
    news.left[JOINER] = 0
    step = 0
    while np.isinf(news.known).any() or news.left.any():
        step += 1
        at = step * crowd.step
        if news.left.any():
            news.gossip(step, at)
            news.probe(step, at)
        news.exchange(step, at)
    return Spread(
        known=np.sort(news.known),
        packets=news.gossiped,
        bytes=news.gossiped * messages.packet(messages.alive(), messages.join_intent())
        + news.carried * (len(messages.alive()) + len(messages.join_intent()) + 3 * 2 + 2),
        missed=news.missed,
    )
