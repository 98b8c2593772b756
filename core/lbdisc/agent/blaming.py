"""Endpoints that are left out because the load balancer refuses them, so that the others go on.

A refused configuration is searched for the endpoints at fault (``blame``). They are listed as
problems, and tried again, by a check of their own beside the loop, when the registry says something
else of them, or after minutes that grow: a name may resolve later.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Thread

from lbdisc.agent.blame import Blame, Budget, Suspect, blame, instead_of, suspects, without
from lbdisc.agent.left_out import FIRST, MOST, LeftOut
from lbdisc.agent.refusal import Refusal, kept_at
from lbdisc.errors import CheckError, LbdiscError, RenderError
from lbdisc.hooks import Reloader, Renderer
from lbdisc.installing import Installation
from lbdisc.rendered import Rendered
from lbdisc.values import NAMED, Problem, Snapshot

CHECKS, SECONDS = 200, 3.0  # that a search may take at once; the rest of it follows in turns
SOON, LATER = 1.0, 30.0  # the same for what may be over at any moment (``CheckError.passing``)
REST = 10  # trials cost the loop at most this part of its time: what comes anew goes first
PATIENCE = 30.0  # seconds of refusals before who is served already, and unchanged, is suspected
Key = tuple[str, str]


@dataclass(slots=True)
class _Trial:
    """Whether ``rendered`` passes with ``tried`` in it; ``found`` once ``over``."""

    tried: list[LeftOut]
    rendered: Rendered
    over: bool = False
    found: Refusal | LbdiscError | None = None


class Blaming:
    """What is left out now; all methods are for the agent's own thread.

    ``wake`` is called from another one when a trial is over.
    """

    def __init__(
        self,
        renderer: Renderer,
        reloader: Reloader,
        output: Path,
        *,
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._renderer = renderer
        self._reloader = reloader
        self._output = output
        self._wake = wake
        self._clock = clock
        self._left_out: dict[Key, LeftOut] = {}
        self._hopeless: tuple[Snapshot, str] | None = None  # no endpoint's fault: not asked again
        self._refused_since: float | None = None
        self._trial: _Trial | None = None
        self._kept = True  # an earlier agent may have left a refused text
        self._rested = float("-inf")  # when trials may cost the loop something again

    def render_with(self, renderer: Renderer) -> None:
        """Another renderer: whoever was left out may be good now."""
        self._renderer = renderer
        self._left_out, self._trial, self._hopeless = {}, None, None

    @property
    def problems(self) -> frozenset[Problem]:
        """Whom the load balancer refuses, and by what words: at most ``NAMED`` of them."""
        return frozenset(left.problem for left in islice(self._left_out.values(), NAMED))

    @property
    def unnamed(self) -> int:
        """How many more there are."""
        return max(0, len(self._left_out) - NAMED)

    @property
    def left_out(self) -> Collection[Key]:
        """Who is not served as the registry says, if at all: their services and names."""
        return self._left_out.keys()

    @property
    def due(self) -> float | None:
        """When somebody is to be tried again; ``None`` for nobody, or while a trial runs."""
        if self._trial is not None or not self._left_out:
            return None
        return max(self._rested, min(left.due for left in self._left_out.values()))

    def sift(self, wanted: Snapshot) -> Snapshot:
        """``wanted`` without those that are left out. Who is gone is forgotten."""
        if not self._left_out:
            return wanted
        now = self._clock()
        for key, left in list(self._left_out.items()):
            endpoint = wanted.get(key)
            if endpoint is None:
                del self._left_out[key]
            elif endpoint != left.suspect.endpoint:
                suspect = Suspect(endpoint, instead_of(endpoint, left.suspect.instead))
                self._left_out[key] = LeftOut(suspect, left.words, now, FIRST)
        return without(wanted, (left.suspect for left in self._left_out.values()))

    def judge(self, error: CheckError | RenderError, passed: Snapshot, tried: Snapshot) -> bool:
        """Leave out whoever makes ``tried`` be refused by ``error``; whether anybody is.

        ``passed`` is what passed last. Nothing is searched twice for one refusal that no endpoint
        is at fault for. May raise what keeps a check from being made.
        """
        again, found = self._hopeless == (tried, str(error)), Blame()
        if suspected := [] if again else suspects(passed, tried):
            found = self._search(tried, suspected, self._refusal(error, tried))
        if not found:
            found = self._worse(self._refusal(error, tried), tried)
        if not found:
            self._hopeless = tried, str(error)
            return False
        self._leave_out(found, passing=getattr(error, "passing", False))
        return True

    def _worse(self, refusal: Refusal, tried: Snapshot) -> Blame:
        """Who passed once, is named, and keeps all others from changing for long.

        As when its name is gone from DNS. Of no service more than half: that is not their fault.
        """
        now = self._clock()
        if self._refused_since is None:
            self._refused_since = now
        if now < self._refused_since + PATIENCE:
            return Blame()
        self._refused_since = now
        named = refusal.naming([Suspect(endpoint) for endpoint in tried.endpoints])
        out = Counter(suspect.endpoint.service for suspect in named)
        many = any(2 * out[name] > len(its) for name, its in tried.services.items())
        if not named or many or self._check(without(tried, named)) is not None:
            return Blame()
        return Blame(dict(named))

    def explained(self, error: CheckError | RenderError, tried: Snapshot) -> LbdiscError:
        """``error``, with the line that it is about and where the refused text is kept."""
        refusal = self._refusal(error, tried)
        kept = self._keep(refusal)
        where = f"; the refused text is kept as {kept}" if kept else ""
        return type(error)(f"{refusal.words}; no endpoint is at fault{where}")

    def applied(self) -> None:
        """A configuration is good: a refused text is of no use, unless somebody is left out."""
        self._refused_since = None
        if self._kept and not self._left_out:
            self._kept = False
            with suppress(OSError):
                kept_at(self._output).unlink(missing_ok=True)

    def look(self, wanted: Snapshot) -> bool:
        """Try again who is due, beside the loop; whether ``sift`` now lets more pass."""
        if self._trial is not None and not self._trial.over:
            return False
        began = self._clock()
        try:
            return self._begin(wanted) if self._trial is None else self._judged(wanted, self._trial)
        finally:
            ended = self._clock()
            self._rested = max(self._rested, ended + REST * (ended - began))

    def _judged(self, wanted: Snapshot, trial: _Trial) -> bool:
        self._trial = None
        known = [left for left in trial.tried if self._left_out.get(_key(left)) == left]
        if trial.found is None:
            for left in known:
                del self._left_out[_key(left)]
            return bool(known)
        return self._refused_again(wanted, known, trial.found)

    def _begin(self, wanted: Snapshot) -> bool:
        now = self._clock()
        tried = [left for left in self._left_out.values() if left.due <= now]
        if not tried or now < self._rested:
            return False
        snapshot = self._with(wanted, tried)
        try:
            rendered = self._renderer.render(snapshot)
        except RenderError as error:
            return self._refused_again(wanted, tried, Refusal(error, self._output))
        self._trial = _Trial(tried, rendered)
        Thread(target=self._try, args=(self._trial,), name="lbdisc-trial", daemon=True).start()
        return False

    def _with(self, wanted: Snapshot, tried: Iterable[LeftOut]) -> Snapshot:
        """What is served now, and ``tried``."""
        there = {_key(left) for left in tried}
        out = (left.suspect for key, left in self._left_out.items() if key not in there)
        return without(wanted, out)

    def _try(self, trial: _Trial) -> None:
        try:
            trial.found = self._checked(trial.rendered)
        except LbdiscError as error:
            trial.found = error
        except Exception as error:  # noqa: BLE001 - a foreign reloader; the loop waits for this one
            trial.found = LbdiscError(f"the check failed: {error!r}")
        trial.over = True
        self._wake()

    def _refused_again(
        self, wanted: Snapshot, tried: list[LeftOut], found: Refusal | LbdiscError
    ) -> bool:
        """Who of ``tried`` stays out; of several that no words name, it is searched."""
        now = self._clock()
        for left in tried:
            self._left_out[_key(left)] = left.later(now)
        if isinstance(found, LbdiscError) or not tried:
            return False
        suspected = [left.suspect for left in tried]
        named = found.naming(suspected)
        if len(tried) == 1 or len(named) == len(tried):
            return False
        snapshot = self._with(wanted, tried)
        verdict = self._search(snapshot, suspected, found, base_passes=True)
        guilty = {*verdict.culprits, *verdict.unsure}
        if len(verdict.unsure) == len(suspected) or not guilty:
            return False
        for suspect in suspected:
            if suspect not in guilty:
                del self._left_out[suspect.endpoint.key]
        self._leave_out(verdict, passing=found.passing)
        return len(guilty) < len(suspected)

    def _leave_out(self, found: Blame, *, passing: bool) -> None:
        now = self._clock()
        first, most = (SOON, LATER) if passing else (FIRST, MOST)
        for suspect, words in found.culprits.items():
            out = LeftOut(suspect, words, now + first, 2 * first, most)
            self._left_out[suspect.endpoint.key] = out
        for suspect in found.unsure:
            words = "refused with others, and being tried apart from them"
            self._left_out[suspect.endpoint.key] = LeftOut(suspect, words, now, FIRST)

    def _search(
        self,
        tried: Snapshot,
        suspected: list[Suspect],
        refusal: Refusal,
        *,
        base_passes: bool = False,
    ) -> Blame:
        self._keep(refusal)
        budget = Budget(CHECKS, self._clock() + SECONDS, self._clock)
        # What cannot be rendered is found without the load balancer, in a tenth of the time.
        check = self._check if refusal.rendered is not None else self._rendering
        return blame(tried, suspected, refusal, check, budget, base_passes=base_passes)

    def _rendering(self, snapshot: Snapshot) -> Refusal | None:
        try:
            self._renderer.render(snapshot)
        except RenderError as error:
            return Refusal(error, self._output)
        return None

    def _check(self, snapshot: Snapshot) -> Refusal | None:
        return self._rendering(snapshot) or self._checked(self._renderer.render(snapshot))

    def _checked(self, rendered: Rendered) -> Refusal | None:
        try:
            with Installation(self._output, rendered) as new:
                new.check(self._reloader.check)
        except CheckError as error:
            return Refusal(error, self._output, rendered)
        return None

    def _refusal(self, error: CheckError | RenderError, tried: Snapshot) -> Refusal:
        rendered = self._renderer.render(tried) if isinstance(error, CheckError) else None
        return Refusal(error, self._output, rendered)

    def _keep(self, refusal: Refusal) -> Path | None:
        kept = refusal.keep()
        self._kept = self._kept or kept is not None
        return kept


def _key(left: LeftOut) -> Key:
    return left.suspect.endpoint.key
