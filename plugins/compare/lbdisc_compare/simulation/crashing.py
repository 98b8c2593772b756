"""How a large cluster finds out that a member has crashed.

SWIM's failure detector with Lifeguard's suspicion as memberlist has it: a member that is not
answered in a probe interval suspects, tells others, and each that hears of it waits for as long as
few others confirm. Facts: memberlist 0.2.2, ``state.go`` (``probeNode``, ``suspectNode``,
``mergeState``) and ``suspicion.go``; Dadgar, Phillips, Currey, "Lifeguard", 2018.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lbdisc_compare.simulation import messages
from lbdisc_compare.simulation.crowd import Crowd, Indices, Times
from lbdisc_compare.simulation.profiles import GossipProfile

ALIVE, SUSPECT, DEAD = 0, 1, 2
SOURCES = 62  # members whose suspicions are told apart; later ones say nothing new
NOTHING, FAREWELL = -1, SOURCES  # beside the sources, what a member may have to tell
VICTIM = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashNews:
    """``dead``: seconds after the crash at which each other member held it dead; sorted.

    ``packets`` and ``bytes`` were sent in gossip because of it by the whole cluster.
    """

    dead: Times
    packets: int
    bytes: int


class _Trial:
    """What each member thinks of the one that crashed."""

    def __init__(self, crowd: Crowd) -> None:
        members, profile = crowd.members, crowd.profile
        self._crowd = crowd
        self.status = np.zeros(members, dtype=np.int8)
        self.status[VICTIM] = DEAD
        self.died = np.full(members, np.inf)
        self._since = np.zeros(members)
        self._deadline = np.full(members, np.inf)
        self._heard = np.zeros(members, dtype=np.int64)  # the sources, a bit each
        self._confirmed = np.zeros(members, dtype=np.int64)
        self._telling = np.full(members, NOTHING)
        self._left = np.zeros(members, dtype=np.int64)
        self._limit = profile.retransmits(members)
        self._wanted = profile.confirmations(members)
        self._timeouts = np.array(
            [profile.suspicion(members, confirmed) for confirmed in range(self._wanted + 1)]
        )
        self._source: dict[int, int] = {}
        self.gossiped = self.carried = 0
        self._slot = crowd.probe_every
        self._pass = (members - 1) * self._slot
        first = crowd.random.integers(0, self._pass, members)
        self._begin = first - first % self._slot  # of the pass that is under way, with a phase
        self._turn = first
        self._fails = np.full(members, -1)

    def _say(self, members: Indices, what: int) -> None:
        self._telling[members], self._left[members] = what, self._limit

    def _as_source(self, member: int) -> int:
        return self._source.setdefault(member, min(len(self._source), SOURCES - 1))

    def suspect(self, members: Indices, source: int, at: float) -> None:
        """``members``, each once, hear that ``source`` suspects."""
        fresh = members[self.status[members] == ALIVE]
        self.status[fresh] = SUSPECT
        self._since[fresh] = at
        self._heard[fresh] = 1 << source
        self._deadline[fresh] = at + self._timeouts[0]
        self._say(fresh, source)
        doubting = members[self.status[members] == SUSPECT]
        news = doubting[
            (self._heard[doubting] & (1 << source) == 0)
            & (self._confirmed[doubting] < self._wanted)
        ]
        self._heard[news] |= 1 << source
        self._confirmed[news] += 1
        self._deadline[news] = np.maximum(
            at, self._since[news] + self._timeouts[self._confirmed[news]]
        )
        self._say(news, source)

    def bury(self, members: Indices, at: float) -> None:
        """``members`` hold it dead."""
        new = members[self.status[members] != DEAD]
        self.status[new] = DEAD
        self.died[new] = at
        self._say(new, FAREWELL)

    def hear(self, members: Indices, words: NDArray[np.int64], at: float) -> None:
        """Each of ``members`` is told the word beside it."""
        for word in np.unique(words):
            told = np.unique(members[words == word])
            told = told[told != VICTIM]
            if word == FAREWELL:
                self.bury(told, at)
            else:
                self.suspect(told, int(word), at)

    def probe_victim(self, step: int, at: float) -> None:
        """Each member's turn comes once in a pass over all; a probe fails after its interval."""
        for member in np.flatnonzero(self._fails == step):
            self.suspect(np.array([member]), self._as_source(int(member)), at)
        turn = np.flatnonzero(self._turn == step)
        asking = turn[(self.status[turn] != DEAD) & (turn != VICTIM)]
        self._fails[asking] = step + self._slot
        self._begin[turn] += self._pass
        slots = self._crowd.random.integers(0, self._crowd.members - 1, len(turn))
        self._turn[turn] = np.maximum(
            step + self._slot, self._begin[turn] + slots * self._slot + step % self._slot
        )

    def gossip(self, step: int, at: float) -> None:
        senders = self._crowd.gossiping(step)
        senders = senders[(self._left[senders] > 0) & (senders != VICTIM)]
        targets = self._crowd.others(senders, self._crowd.profile.gossip_nodes)
        words = np.repeat(self._telling[senders], targets.shape[1]).reshape(targets.shape)
        sent = np.arange(targets.shape[1]) < self._left[senders][:, None]
        self._left[senders] -= sent.sum(axis=1)
        self.gossiped += int(sent.sum())
        self.hear(targets[sent], words[sent], at)

    def carry(self, step: int, at: float) -> None:
        """Pings and their answers carry the word as well."""
        probers = self._crowd.probing(step)
        targets = self._crowd.others(probers, 1)[:, 0]
        both = (probers != VICTIM) & (targets != VICTIM)
        for senders, hearers in ((probers, targets), (targets, probers)):
            talking = both & (self._left[senders] > 0)
            words = self._telling[senders[talking]]
            np.subtract.at(self._left, senders[talking], 1)
            np.maximum(self._left, 0, out=self._left)
            self.carried += int(talking.sum())
            self.hear(hearers[talking], words, at)

    def exchange(self, step: int, at: float) -> None:
        """Who reads in another's state that it is suspected suspects it by itself."""
        one = self._crowd.exchanging(step)
        other = self._crowd.others(one, 1)[:, 0]
        both = (one != VICTIM) & (other != VICTIM)
        for reader, read in ((one[both], other[both]), (other[both], one[both])):
            for member in reader[(self.status[read] != ALIVE) & (self.status[reader] != DEAD)]:
                self.suspect(np.array([member]), self._as_source(int(member)), at)

    def expire(self, at: float) -> None:
        late = np.flatnonzero((self.status == SUSPECT) & (self._deadline <= at))
        self.bury(late, at)

    @property
    def talking(self) -> bool:
        return bool(self._left.any())

    @property
    def open(self) -> bool:
        return bool((self.status != DEAD).any())


def crash(members: int, profile: GossipProfile, random: np.random.Generator) -> CrashNews:
    """One of ``members`` is killed; all others are well."""
    crowd = Crowd(members, profile, random)
    trial = _Trial(crowd)
    step = 0
    while trial.open or trial.talking:
        step += 1
        at = (step - 0.5) * crowd.step
        if trial.open:
            trial.probe_victim(step, at)
        if trial.talking:
            trial.gossip(step, at)
            trial.carry(step, at)
        if trial.open:
            trial.exchange(step, at)
            trial.expire(at)
    return CrashNews(
        dead=np.sort(trial.died[1:]),
        packets=trial.gossiped,
        bytes=trial.gossiped * messages.packet(messages.suspect())
        + trial.carried * (len(messages.suspect()) + 6),
    )
