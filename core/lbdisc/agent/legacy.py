"""The pace of one agent goes on in the next: reloads keep their distance, failures their delay."""

from collections.abc import Callable

from lbdisc import events
from lbdisc.agent.keeping import not_kept
from lbdisc.agent.pace import Pace
from lbdisc.backoff import Backoff
from lbdisc.boot import since_boot
from lbdisc.listening.repeats import Repeats
from lbdisc.state.past import Failed, Past
from lbdisc.state.store import Store


class Legacy:
    """Brings ``pace`` and ``backoffs`` where an agent before had them, and notes where they are."""

    def __init__(
        self, store: Store, pace: Pace, backoffs: tuple[Backoff, ...], clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._pace = pace
        self._backoffs = backoffs
        self._clock = clock
        self._past = Past()
        self._failed: Failed | None = None  # by the agent before, and perhaps not mended
        self._failures = Repeats()

    def resume(self) -> list[events.StateNotUsed]:
        """Go on from the last reload; which files of the state folder say nothing that holds."""
        self._past = self._store.past()
        self._failed = self._past.failed
        if (age := self._past.age()) is not None:
            self._pace.reloaded(self._clock() - age)
        unusable = self._store.unusable.items()
        return [events.StateNotUsed(file=str(file), error=error) for file, error in unusable]

    def hold_off(self, digest: str) -> None:
        """Before the first attempt: what the agent before failed at has to wait for its time."""
        failed, self._failed = self._failed, None
        if failed is None or failed.digest != digest:
            return
        for backoff in self._backoffs:
            backoff.resume(failed.delay)
        if (left := failed.left()) > 0:
            self._pace.not_before = self._clock() + left

    def reloaded(self, *, for_a_change: bool = True) -> None:
        """The load balancer was reloaded just now."""
        self._pace.reloaded(self._clock(), for_a_change=for_a_change)
        self._past = Past(reloaded=since_boot(), failed=self._past.failed)

    def failed(self, digest: str, delay: float) -> None:
        """What has ``digest`` was not brought to life, and is tried again after ``delay``."""
        failed = Failed(digest=digest, until=since_boot() + delay, delay=delay)
        self._past = Past(reloaded=self._past.reloaded, failed=failed)

    def applied(self) -> None:
        """Nothing fails any more."""
        self._past = Past(reloaded=self._past.reloaded)

    def save(self) -> events.StateNotKept | None:
        """Write what is new; what went wrong, if anything."""
        try:
            self._store.pace.keep(self._past)
        except OSError as error:
            return not_kept(str(self._store.pace.path), error, self._failures)
        return None
