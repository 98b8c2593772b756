"""Whether what the local agent lists is the truth, judged by whom it knew and whom it reaches."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeGuard

from lbdisc_serf.contact import Contact, encrypted, hint
from lbdisc_serf.members import Member

Names = frozenset[str]
GOSSIP = 10.0  # seconds in which news of a member have reached all others for sure
ANSWER = 2.0  # seconds in which who lives, or only has another key, has answered
BACK = 5.0  # seconds in which who lives objects, once an agent that was cut off is back


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why the list is not the truth: ``what`` is so, and ``why`` in the words of a failed join."""

    what: str
    why: str
    foreign: bool = False

    def __str__(self) -> str:
        if self.foreign:
            return f"{self.what} (serf.rpc; restart lbdisc to follow it)"
        if not self.why:
            return f"{self.what}: no member answers (serf.join)"
        return f"{self.what}: {self.why} ({hint(self.why)})"

    @property
    def kind(self) -> tuple[str, bool]:
        """Equal for doubts that tell an operator the same."""
        return self.what, encrypted(self.why)


class Belief:
    """Whom the local agent knew alive, and who of them is *missing* now: failed or not listed.

    Who left is not missing. Who is missing is given up when the agent has reached another member
    since: soon if it lists the member as failed, as that is then the cluster's word; some seconds
    later if it reached nobody for a while, as it was then cut off itself. A member that it does not
    list, as it was restarted, is given up after ``window`` seconds, if its address was
    tried in vain. Neither is if somebody at its address only speaks with another gossip key. While
    the agent is alone nobody is given up.

    Another agent, by name or address, that lists none of those whom the one before knew, in
    whatever state, is of another cluster: nothing is learnt from it, and above all it is not made
    to join those, which would merge the two.

    A restarted agent may first hear of a member as it was a moment ago. What that lacks is *stale*,
    until the agent has reached the member itself, or for as long as gossip takes.
    """

    def __init__(self, window: float) -> None:
        self._window = window
        self._known: dict[str, Member] = {}
        self._since: dict[str, float] = {}
        self._met: dict[str, float] = {}  # when another was first known to be reached after that
        self._stale: Names = frozenset()
        self._settled = 0.0  # when gossip has told a restarted agent all that is new
        self._own: Member | None = None
        self._me: Member | None = None  # the agent that was followed last
        self.foreign = False  # whether the agent is of another cluster
        self._listed: dict[str, Member] = {}
        self._contact = Contact()

    def read(
        self, members: Iterable[Member], *, own: str, fresh: bool, now: float, contact: Contact
    ) -> None:
        """Take what is listed by the agent whose member is ``own``.

        ``fresh``: it may be another agent than before; ``now`` is the monotonic clock.
        """
        self._contact = contact
        listed = {member.name: member for member in members}
        self.foreign = (fresh or self.foreign) and self._is_foreign(listed, own)
        if self.foreign:
            self._own = listed.get(own)
            return
        self._own = listed.pop(own, None)
        self._me = self._own or self._me
        self._listed = listed
        if fresh:
            self._since.clear()
            self._settled = now + GOSSIP if self._known else now
        self._meet(own)
        for name in self._known:
            if name not in self._since and name != own and not _alive(listed.get(name)):
                self._since[name] = now
                contact.outcomes.pop(_at(self._known[name]), None)
        self._met = {
            name: self._met.get(name, now)
            for name, since in self._since.items()
            if self.alive and contact.reached >= since
        }
        for name in [name for name in self._since if self._gone(name, now)]:
            del self._known[name], self._since[name]

    def _is_foreign(self, listed: dict[str, Member], own: str) -> bool:
        before, now = self._me, listed.get(own)
        if before is None:  # the first one; whom it should know is from a file
            return False
        others = self._known.keys() - {before.name}
        another = own != before.name or (now is not None and _at(before) != _at(now))
        return bool(others and another) and not (listed.keys() - {own}) & others

    def remember(self, members: Iterable[Member]) -> None:
        """Know ``members``, which an earlier agent knew."""
        self._known |= {member.name: member for member in members}

    def _meet(self, own: str) -> None:
        """Know who is alive, forget who left."""
        for name, member in self._listed.items():
            if _alive(member):
                self._known[name] = member
            elif member.status == "left":
                self._known.pop(name, None)
        if self._own is not None:
            self._known[own] = self._own
        self._since = {
            name: since
            for name, since in self._since.items()
            if name in self._known and name != own and not _alive(self._listed.get(name))
        }

    def _gone(self, name: str, now: float) -> bool:
        since = self._since[name]
        if name not in self._met:
            return False
        failure = self._failure(name)
        if name in self._listed:
            if self._met[name] > since + ANSWER and now < self._met[name] + BACK:
                return False
            # Who was reached after all says within a moment that it lives.
            return not encrypted(failure or "") and (bool(failure) or now >= since + ANSWER)
        return now >= since + self._window and failure is not None and not encrypted(failure)

    def _failure(self, name: str) -> str | None:
        """Why it could not be joined since it is missing, ``None`` if that was not tried yet."""
        member = self._known[name]
        return "" if self._is_ours(member) else self._contact.outcomes.get(_at(member))

    def _is_ours(self, member: Member) -> bool:
        own = self._own
        return own is not None and (own.address, own.port) == (member.address, member.port)

    def stale(self, lacking: Iterable[str], *, now: float) -> Names:
        """Those of the living members ``lacking`` something of whom it may be old news."""
        self._stale = frozenset(
            name
            for name in lacking
            if now < self._settled
            and _alive(member := self._listed.get(name))
            and self._contact.outcomes.get(_at(member)) != ""
        )
        return self._stale

    @property
    def missing(self) -> Names:
        """The names of those that are missing."""
        return frozenset(self._since)

    @property
    def alive(self) -> tuple[Member, ...]:
        """The others that are listed as alive."""
        return tuple(member for member in self._listed.values() if _alive(member))

    @property
    def sought(self) -> tuple[Member, ...]:
        """Whom to join: who is missing or stale."""
        if self.foreign:
            return ()
        members = [self._known[name] for name in sorted(self._since.keys() | self._stale)]
        return tuple(member for member in members if not self._is_ours(member))

    @property
    def asked(self) -> tuple[Member, ...]:
        """Of whom one has to be reached to know who is to blame: who failed, or the agent."""
        return self.alive if self._unreached and not self.foreign else ()

    @property
    def _unreached(self) -> list[float]:
        return [since for since in self._since.values() if since > self._contact.reached]

    @property
    def sure(self) -> bool:
        """Whether all that is missing is missing for the cluster too, as far as that is known."""
        if self.foreign:
            return False
        return not self._since or bool(self.alive and not self._unreached and not self._locked_out)

    @property
    def _locked_out(self) -> bool:
        return any(encrypted(self._contact.outcomes.get(_at(m), "")) for m in self.sought)

    @property
    def doubt(self) -> Doubt | None:
        """Why the list is not the truth; ``None`` while it is, or while that is being tried."""
        if self.sure:
            return None
        name = self._own.name if self._own else "of this host"
        if self.foreign:
            what = f"the Serf agent {name} lists nobody of the cluster that was followed"
            return Doubt(what, "", foreign=True)
        if not self.alive:
            tried = self._contact.tried >= max(self._since.values())
            what = f"the Serf agent {name} is alone and misses {len(self._since)} that it knew"
        elif self._unreached:
            tried = self._contact.tried >= min(self._unreached)
            what = f"the Serf agent {name} finds members failed, and reaches none of the others"
        else:
            tried = True
            what = f"the Serf agent {name} does not meet all that it knew"
        return Doubt(what, self._contact.why()) if tried else None


def _at(member: Member) -> tuple[str, int]:
    return member.address, member.port


def _alive(member: Member | None) -> TypeGuard[Member]:
    return member is not None and member.status in ("alive", "leaving")
