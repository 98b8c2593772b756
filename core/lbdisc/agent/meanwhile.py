"""What is served while what is desired waits for a reload, or cannot be brought to life."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lbdisc.agent.ahead import AheadLooks
from lbdisc.agent.applying import Applying
from lbdisc.agent.desired import Desired
from lbdisc.agent.generations import Generations
from lbdisc.agent.pending import Pending
from lbdisc.agent.standing_in import stand_in
from lbdisc.errors import LbdiscError
from lbdisc.hooks import Reloader
from lbdisc.planned import Nothing, Planned
from lbdisc.rendered import Rendered
from lbdisc.values import Snapshot


class Meanwhile:
    """Changes what runs in between; what is desired goes on to wait. Raises nothing of ours."""

    def __init__(
        self,
        reloader: Reloader,
        output: Path,
        *,
        desired: Desired,
        generations: Generations,
        pending: Pending,
        applying: Applying,
        clock: Callable[[], float],
    ) -> None:
        self._reloader = reloader
        self._output = output
        self._desired = desired
        self._generations = generations
        self._pending = pending
        self._applying = applying
        self._clock = clock
        self._looks = AheadLooks()
        self._stands_in: Rendered | None = None  # what runs instead of what is desired

    @property
    def runs(self) -> bool:
        """Whether what runs was made here."""
        running = self._generations.running
        return running is not None and running.rendered is self._stands_in

    @property
    def due(self) -> float | None:
        """When to go ahead; ``None`` if that has been tried."""
        return self._looks.due(self._desired.snapshot)

    def may_go_ahead(self, now: float) -> bool:
        """Whether it is time to, and something new waits."""
        return self._looks.may(self._desired.snapshot, now)

    def go_ahead(self) -> None:
        """Do at run time whatever needs no reload: leaves and drains above all."""
        running, began = self._generations.running, self._clock()
        assert running is not None
        with suppress(LbdiscError):
            if found := self._desired.ahead(running):
                since = self._pending.since
                self._serve(*found)
                self._pending.since = since
                self._desired.plan_anew()
                self._pending.changed(self._clock(), self._pending.cause)
        self._looks.looked(self._desired.snapshot, began, self._clock())

    def stand_in(self) -> None:
        """Keep the endpoints in step in what runs, while nothing else of it can be changed."""
        running = self._generations.running
        with suppress(LbdiscError):
            snapshot, wanted = self._desired.rendered()
            found = stand_in(self._reloader, self._output, snapshot, wanted)
            if found is None or (isinstance(found[0].how, Nothing) and running is not None):
                return
            planned, served = found
            self._serve(served, planned)
            self._pending.changed(self._clock(), self._pending.cause)

    def _serve(self, snapshot: Snapshot, planned: Planned) -> None:
        self._stands_in = planned.candidate
        applied = self._applying.carry_out(planned)
        self._pending.runs(snapshot, planned.candidate, applied)
