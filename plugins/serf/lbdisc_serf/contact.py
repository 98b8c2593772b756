"""Whom the local agent has reached by joining it, which exchanges all that both know."""

from dataclasses import dataclass, field

from lbdisc_serf.settings import Address

NEVER = float("-inf")


@dataclass(slots=True, kw_only=True)
class Contact:
    """Written by whoever joins, read by whoever judges; times are of the monotonic clock."""

    reached: float = NEVER
    """When the newest exchange with another member that succeeded was begun."""
    tried: float = NEVER
    """When the newest round that is over was begun."""
    outcomes: dict[Address, str] = field(default_factory=dict)
    """Why each address that was tried could not be joined, empty if it was."""

    def note(self, address: Address, failure: str, *, begun: float) -> None:
        """``address`` was tried; the one tried last stands last."""
        self.outcomes.pop(address, None)
        self.outcomes[address] = failure
        if not failure:
            self.reached = max(self.reached, begun)

    def why(self) -> str:
        """Why joining failed: a wrong key before all, as it explains the rest; empty if unknown."""
        failures = list(filter(None, self.outcomes.values()))
        return next(filter(encrypted, failures), failures[-1] if failures else "")


def encrypted(failure: str) -> bool:
    """Whether joining failed as the gossip keys differ, which no repetition heals."""
    return "crypt" in failure


def hint(failure: str) -> str:
    """Where to look."""
    return "serf.encrypt" if encrypted(failure) else "serf.join"
