"""What only some discoveries, registrars, renderers and reloaders can; having the method is enough.

The core asks with ``isinstance``, and does without where it is not so.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from lbdisc.beside import FilesBeside
from lbdisc.examining import Examination
from lbdisc.hooks import Discovery, Renderer
from lbdisc.losses import ProxyServer
from lbdisc.observed import ServerHealth
from lbdisc.planned import Applied, Planned
from lbdisc.rendered import Rendered
from lbdisc.room import Room
from lbdisc.values import Endpoint, Snapshot


@runtime_checkable
class Narrows(Protocol):
    """A discovery whose registry can be read in part."""

    def only(self, service: str) -> Discovery:
        """One that reads and publishes ``service`` alone, with everything else as here.

        Who stops asks for the load balancers' agents in this way, in a registry of any size.
        """


@runtime_checkable
class Remembers(Protocol):
    """A discovery where two entries can claim one name, and who had it before has it."""

    def remind(self, known: Snapshot) -> None:
        """Called once before ``watch``: what has been balanced so far, as by an agent before."""


@runtime_checkable
class Recalls(Protocol):
    """An entry that can tell whether it was away."""

    @property
    def found(self) -> bool:
        """Whether the last ``put`` that was true wrote nothing: the entry was as it should be.

        The core then says nothing anew after a connection that broke.
        """


@runtime_checkable
class Dates(Protocol):
    """An entry that can tell when it was written by the clock of its registry."""

    @property
    def written_s(self) -> float | None:
        """In unix seconds, as of the last ``put`` that was true; ``None`` where it is not known."""


@runtime_checkable
class Reclaims(Protocol):
    """A registrar whose entries say whose they are, so that one killed and started again goes on.

    Others wait until the lease of the process before has ended, as for anybody's entry.
    """

    def reclaim_as(self, owner: str) -> None:
        """Entries that name ``owner``, 16 characters, are ours, and ours name it from now on.

        Called before the first ``open``, or not at all. Never the same for two processes that live.
        """


@runtime_checkable
class Compares(Protocol):
    """A renderer that can tell whether another agent's would render the same."""

    def fingerprint(self) -> str:
        """What stands for its templates; nothing that is a host's own, and no secret."""


@runtime_checkable
class Tends(Protocol):
    """A reloader whose load balancer wants housekeeping."""

    def tend(self) -> Applied | None:
        """Called about once a second while all is well; what was done, if any."""


@runtime_checkable
class Drains(Protocol):
    """A reloader that can tell whether an endpoint is free."""

    def drained(self, endpoints: Sequence[Endpoint]) -> Collection[Endpoint]:
        """Those of ``endpoints``, which drain in what runs, that no session is left on.

        Called some times a second while any endpoint drains; an error counts as none. Never a
        guess: a node that hears it stops.
        """


@runtime_checkable
class Follows(Protocol):
    """A reloader whose files may come after what runs."""

    def behind(self) -> bool:
        """Whether the files are still to follow what runs already."""


@runtime_checkable
class ReadsFiles(Protocol):
    """A reloader whose load balancer reads files that lbdisc does not write."""

    def beside(self) -> FilesBeside:
        """How they are now, against what the load balancer has read of them.

        Called when something in their folders changed, and now and then. What it calls changed, the
        next ``plan`` takes in; a reload takes in all of them. A file that is being written, or that
        the load balancer would refuse, is not among it.
        """


@runtime_checkable
class Ends(Protocol):
    """A reloader whose load balancer serves on when the agent stops."""

    def end(self, config: Path) -> bool:
        """End the load balancer that it runs with the main file ``config``; whether there was one.

        Also one that an agent before has left. Called when somebody wants both to end, before
        ``close``. Raises ``LbdiscError``.
        """

    def stays(self) -> bool:
        """Whether it serves on after a ``close`` without an ``end``, for the next agent to take.

        The agent then stays announced until its lease ends: nodes that stop meanwhile wait for it.
        """


@runtime_checkable
class Interrupts(Protocol):
    """A reloader that can let go of what it waits for."""

    def interrupt(self) -> None:
        """The agent is told to stop: a call that only checks or waits raises ``LbdiscError`` soon.

        Called from a signal handler, at any moment of any other call.
        """


@runtime_checkable
class TakesOver(Protocol):
    """A reloader that may meet a configuration of others, and a load balancer that runs it."""

    def servers(self, text: str) -> Sequence[ProxyServer]:
        """All servers in ``text``, whoever wrote it; a change that takes too many is refused."""

    def remark(self, config: Path) -> str:
        """What an operator should know of the files that the load balancer runs now, if anything.

        Empty also where that cannot be known. Raises ``SettingsError`` where ``config`` is none of
        them, ``ApplyError`` where the load balancer is there and may not be asked.
        """


@runtime_checkable
class Observes(Protocol):
    """A reloader whose load balancer checks its servers, and tells what it found."""

    def health(self, endpoints: Sequence[Endpoint]) -> Sequence[ServerHealth]:
        """What the load balancer says of each of ``endpoints``, in their order.

        Asked once a second while the guard holds some, every few seconds for the status; it takes
        half a second at most. A load balancer that cannot be asked knows nothing: ``unknown``, and
        why. Never a guess: the guard lets go of what is down, and of nothing that is up. The status
        asks in a thread of its own, beside all other calls.
        """


@runtime_checkable
class Occupies(Protocol):
    """A reloader whose load balancer takes connections at addresses of this machine."""

    def occupies(self, config: Path, candidate: Rendered) -> Collection[tuple[str, int]]:
        """The IP addresses and ports, ``0.0.0.0`` and ``::`` for all that the machine has.

        Of all that the load balancer reads where ``candidate`` is in ``config``, whatever it is
        for. An endpoint there is no node: it is left out, and named. Called for each candidate.
        """


@runtime_checkable
class Resolves(Protocol):
    """A reloader whose load balancer looks up host names by itself, also while it runs."""

    def resolved(self, hosts: Collection[str]) -> Mapping[str, Collection[str]]:
        """The addresses that its servers have now, for those of ``hosts`` that it knows any of.

        Asked twice a second while endpoints have names; it takes half a second at most. Raises
        ``LbdiscError`` where the load balancer does not say.
        """


@runtime_checkable
class Lingers(Protocol):
    """A reloader whose load balancer leaves old processes behind until their sessions end."""

    def lingering(self) -> Sequence[int]:
        """The ages in seconds of those that live now; called as ``health`` for the status.

        Raises ``LbdiscError`` where the load balancer does not say.
        """


@runtime_checkable
class Bounded(Protocol):
    """A reloader whose load balancer can have so many servers, and no more."""

    def room(self, candidate: Rendered) -> Room | None:
        """How many of what ``candidate`` has, and how many there may be; ``None`` if unknown.

        Called before what has more servers than ever is applied, and after each reload and start,
        which may have changed it. Costs about what a check costs, at most.
        """


@runtime_checkable
class StandsIn(Protocol):
    """A reloader that keeps the endpoints in step where the rest of a configuration fails."""

    def instead(self, config: Path, candidate: Rendered) -> Planned | None:
        """What it takes to have the configuration that runs serve the endpoints of ``candidate``.

        ``None`` where that is not possible. Called after ``apply`` raised ``NotLoaded``, or a check
        refused what no endpoint is at fault for.
        """

    def try_again(self) -> None:
        """The settings were read again: what failed may be tried at once."""

    @property
    def may_try(self) -> bool:
        """Whether something has changed that makes it worth a try before its time."""


@runtime_checkable
class Withdraws(Protocol):
    """A reloader whose load balancer can say beforehand that it is about to stop."""

    def withdraw(self, *, ends: bool) -> float:
        """Let its readiness fail; for how many seconds it is to serve on, 0 to stop at once.

        ``ends``: it is to be ended with the agent (``Ends``), whatever the settings say.

        Called when the agent is told to stop, and once a second until these are over. Raises
        ``ApplyError`` when nobody can be told.
        """


@runtime_checkable
class Advises(Protocol):
    """A reloader that knows what a configuration should have beyond being accepted."""

    def advice(self, renderer: Renderer, sample: Snapshot) -> Sequence[str]:
        """One line for each thing that what ``renderer`` makes of ``sample`` lacks.

        ``sample`` has endpoints of every kind, made up; others like them may be rendered as well.
        Raises ``RenderError``.
        """


@runtime_checkable
class Examines(Protocol):
    """A discovery that can look at each member of its registry by itself, for `lbdisc doctor`."""

    @property
    def lease(self) -> float | None:
        """Seconds that an entry outlives whoever holds it; ``None`` where the registry decides."""

    def examine(self, own: Sequence[tuple[str, str]]) -> Sequence[Examination]:
        """One for each member that the settings name, and what else can be asked.

        Whether it is reached and lets us in, whether we may write the entries ``own``, service and
        name, and how its clock goes, where the registry tells. Nothing is written: what only a
        write can tell is left open, and said.
        All run at once, each for some seconds at most, beside whatever else uses the registry.
        """

    def tidy(self, service: str) -> None:
        """Take out the empty place of ``service`` that an entry has left, if there is such a thing.

        Raises ``LbdiscError``.
        """


@runtime_checkable
class StartsPrograms(Protocol):
    """A discovery that starts a program of its own to read its registry, where none runs."""

    def starting_none(self) -> Discovery:
        """One that reads from what runs already, for who must change nothing."""


@runtime_checkable
class Inspects(Protocol):
    """A reloader that can look at its load balancer, part by part, for `lbdisc doctor`."""

    def inspect(self, config: Path) -> Sequence[Examination]:
        """Of the load balancer that reads the main file ``config``; changes nothing.

        The program and its known faults, its sockets and who is there, whether it accepts the
        files as they are. All run at once, each for some seconds at most.
        """
