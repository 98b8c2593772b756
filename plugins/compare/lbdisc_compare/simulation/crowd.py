"""When the members of a large cluster gossip, probe and exchange, as arrays.

Time goes in steps of a quarter of the gossip interval; each member has its own place in it, as the
real ones start at different moments. What a member does in a step reaches others in that step.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lbdisc_compare.simulation.profiles import GossipProfile

PARTS = 4
Indices = NDArray[np.int64]
Times = NDArray[np.float64]


class Crowd:
    """``members`` of them, with the phases that ``random`` gave them."""

    def __init__(self, members: int, profile: GossipProfile, random: np.random.Generator) -> None:
        self.members = members
        self.profile = profile
        self.random = random
        self.step = profile.gossip_interval / PARTS
        self.probe_every = round(profile.probe_interval / self.step)
        self._gossips = self._phases(PARTS)
        self._probes = self._phases(self.probe_every)

    @cached_property
    def _exchanges(self) -> Sequence[Indices]:
        return self._phases(round(self.profile.push_pull(self.members) / self.step))

    def _phases(self, period: int) -> Sequence[Indices]:
        phases = self.random.integers(0, period, self.members)
        order = np.argsort(phases, kind="stable")
        return np.split(order, np.searchsorted(phases[order], np.arange(1, period)))

    def gossiping(self, step: int) -> Indices:
        return self._gossips[step % PARTS]

    def probing(self, step: int) -> Indices:
        return self._probes[step % self.probe_every]

    def exchanging(self, step: int) -> Indices:
        return self._exchanges[step % len(self._exchanges)]

    def others(self, members: Indices, each: int) -> Indices:
        """``each`` others for every one of ``members``, drawn; a row per member."""
        drawn = self.random.integers(0, self.members - 1, (len(members), each))
        return drawn + (drawn >= members[:, None])
