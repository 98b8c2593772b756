"""Who is there, in which role, and what they have used together."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lbdisc_compare.contenders.contender import Deployment, LiveNode, Part
from lbdisc_compare.hosts.counting import PacketsSent, PacketTally
from lbdisc_compare.measures.accounts import Account, accounts

ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What was used in ``seconds``: packets and bytes by role, the rest by role and program.

    Programs that ended are missing, unless one that runs had started them.
    """

    seconds: float
    packets: Mapping[str, float]
    bytes: Mapping[str, float]
    accounts: Mapping[tuple[str, str], Account]

    @staticmethod
    def roles(values: Mapping[str, float]) -> dict[str, float]:
        """By role, with the sum of all."""
        return {ALL: sum(values.values()), **values}

    def __sub__(self, earlier: "Bill") -> "Bill":
        return self._less(earlier, 1.0)

    def without(self, idle: "Bill") -> "Bill":
        """Beyond what is used anyway in this time; may be negative, as that is not even."""
        return self._less(idle, self.seconds / idle.seconds)

    def _less(self, other: "Bill", share: float) -> "Bill":
        return Bill(
            seconds=self.seconds - other.seconds * share,
            packets={
                role: n - other.packets.get(role, 0) * share for role, n in self.packets.items()
            },
            bytes={role: n - other.bytes.get(role, 0) * share for role, n in self.bytes.items()},
            accounts={
                who: account - other.accounts.get(who, Account()) * share
                for who, account in self.accounts.items()
            },
        )


class Books:
    """The parts of a deployment and its ``nodes``, to which some may be added or taken out.

    ``places`` are the addresses of all nodes that may ever be there.
    """

    def __init__(
        self, deployment: Deployment, nodes: Sequence[LiveNode], places: Iterable[str]
    ) -> None:
        self.deployment = deployment
        self.nodes = list(nodes)
        self._roles = {part.host.address: role for role, part in reversed(list(self.parts))}
        for address in places:
            self._roles.setdefault(address, "nodes")
        self._tally = PacketTally(self._roles)

    @property
    def parts(self) -> Iterator[tuple[str, Part]]:
        """Each with its role; of a node what registers it."""
        yield from (("registry", part) for part in self.deployment.registry)
        yield from (("balancers", part) for part in self.deployment.seats)
        yield from (("nodes", node.registrar) for node in self.nodes if node.registrar)

    def count(self, role: str) -> int:
        """How many parts have this role."""
        return sum(one == role for one, _ in self.parts)

    def read(self) -> Bill:
        """All that was used so far; ``seconds`` is a moment of the monotonic clock."""
        used: dict[tuple[str, str], Account] = {}
        for role, part in self.parts:
            for program, account in accounts(part.pids).items():
                used[role, program] = used.get((role, program), Account()) + account
        sent = dict.fromkeys(self._roles.values(), PacketsSent())
        for address, counted in self._tally.read().items():
            sent[self._roles[address]] += counted
        return Bill(
            seconds=time.monotonic(),
            packets={role: one.packets for role, one in sent.items()},
            bytes={role: one.bytes for role, one in sent.items()},
            accounts=used,
        )
