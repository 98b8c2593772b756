"""Who is left out because the load balancer refuses it, for what is done or looked at only once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lbdisc.agent.blame import Blame, Budget, blame, suspects, without
from lbdisc.agent.fitting import Fitting
from lbdisc.agent.refusal import Refusal
from lbdisc.errors import CheckError, RenderError
from lbdisc.hooks import Renderer
from lbdisc.rendered import Rendered
from lbdisc.values import Problem, Snapshot

CHECKS, SECONDS = 2000, 60.0  # that the whole search may take
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sifted:
    """What of a snapshot is ``served``, and why who is not."""

    served: Snapshot
    rendered: Rendered
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Sieve:
    """Leaves out whoever ``check`` refuses of what ``renderer`` makes to be ``output``.

    So it does what is not in what ``own`` makes of a snapshot and its configuration.

    Who is ``served`` by now is not: that its name is gone from DNS, say, is not its fault. Before
    that it leaves out whom there is no room for (``fitting``).
    """

    renderer: Renderer
    output: Path
    check: Callable[[Rendered], None]
    served: Callable[[], Snapshot] = Snapshot
    own: Callable[[Snapshot, Rendered], Snapshot] = lambda snapshot, rendered: snapshot
    fitting: Fitting | None = None

    def sift(self, wanted: Snapshot) -> Sifted:
        """What an agent that starts would serve of ``wanted``.

        Raises ``CheckError`` or ``RenderError`` when no endpoint is at fault.
        """
        return self.do(wanted, lambda sifted: self.check(sifted.rendered))[0]

    def do(self, wanted: Snapshot, work: Callable[[Sifted], T]) -> tuple[Sifted, T]:
        """Do ``work``, which may raise ``CheckError``, with as much of ``wanted`` as it takes."""
        served, problems = wanted, dict[Problem, None]()
        until = time.monotonic() + SECONDS
        budget = Budget(CHECKS, until, time.monotonic)
        while True:
            rendered = None
            try:
                served, rendered = self._fitting(served)
                if (left := self.own(served, rendered)) != served:
                    problems |= dict.fromkeys(left.problems)
                    served = left
                    continue
                short = self.fitting.problems if self.fitting else ()
                sifted = Sifted(served, rendered, (*problems, *short))
                return sifted, work(sifted)
            except (CheckError, RenderError) as error:
                found = self._blame(served, Refusal(error, self.output, rendered), budget)
                if not found:
                    raise
            problems |= dict.fromkeys(_problems(found))
            served = without(served, (*found.culprits, *found.unsure))

    def _fitting(self, served: Snapshot) -> tuple[Snapshot, Rendered]:
        if self.fitting is None:
            return served, self.renderer.render(served)
        return self.fitting.rendered(served, self.renderer.render)

    def _blame(self, served: Snapshot, refusal: Refusal, budget: Budget) -> Blame:
        suspected = suspects(self.served(), served)
        # What cannot be rendered is found without the load balancer, in a tenth of the time.
        check = self._rendering if refusal.rendered is None else self._refusal
        return blame(served, suspected, refusal, check, budget) if suspected else Blame()

    def _rendering(self, snapshot: Snapshot) -> Refusal | None:
        try:
            self.renderer.render(snapshot)
        except RenderError as error:
            return Refusal(error, self.output)
        return None

    def _refusal(self, snapshot: Snapshot) -> Refusal | None:
        if refused := self._rendering(snapshot):
            return refused
        rendered = self.renderer.render(snapshot)
        try:
            self.check(rendered)
        except CheckError as error:
            return Refusal(error, self.output, rendered)
        return None


def _problems(found: Blame) -> list[Problem]:
    late = "refused with others, and not tried apart from them in time"
    why = found.culprits | dict.fromkeys(found.unsure, late)
    return [suspect.problem(words) for suspect, words in why.items()]
