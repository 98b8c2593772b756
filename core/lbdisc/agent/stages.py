"""How long what is desired takes from stage to stage: where the time went."""

from collections.abc import Callable, Mapping

from lbdisc.errors import CheckError, LbdiscError, RenderError

NEWS, RENDERED, PLANNED = "news", "rendered", "planned"
CHECKED, APPLIED, VERIFIED = "checked", "applied", "verified"


class Stages:
    """Those of one generation at a time, in one thread; times are seconds of ``clock``.

    What was not gone through is left out: a change at run time is checked after it was applied.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began: float | None = None
        self._at = 0.0  # when the last of them ended
        self._took: dict[str, float] = {}

    def begin(self) -> None:
        """What is desired is rendered from here on; what was before it came to nothing."""
        self._began = self._at = self._clock()
        self._took = {}

    def over(self, stage: str, *, check_ms: float | None = None) -> None:
        """``stage`` ends here; ``check_ms`` of it, in milliseconds, went into a check before it."""
        if self._began is None:
            self.begin()
        now = self._clock()
        took, self._at = max(0.0, now - self._at), now
        if check_ms is not None:
            self._took[CHECKED] = min(check_ms / 1000, took)
            took -= self._took[CHECKED]
        self._took[stage] = self._took.get(stage, 0.0) + took

    def told(self, since: float | None) -> Mapping[str, float]:
        """All, in milliseconds and one after the other, from the first news at ``since`` on.

        Without news they begin where something was rendered, or done at all.
        """
        began, took = self._began, self._took
        self._began, self._took = None, {}
        if began is None:
            return {}
        news = {} if since is None else {NEWS: max(0.0, began - since)}
        return {stage: seconds * 1000 for stage, seconds in (news | took).items()}

    def failed(self, error: LbdiscError, since: float | None) -> Mapping[str, float]:
        """As ``told``; the last is the one that ``error`` ends."""
        self.over(self._ended_by(error))
        return self.told(since)

    def _ended_by(self, error: LbdiscError) -> str:
        if isinstance(error, RenderError):
            return RENDERED
        if isinstance(error, CheckError):
            return CHECKED
        if APPLIED in self._took:
            return VERIFIED
        return APPLIED if PLANNED in self._took else PLANNED
