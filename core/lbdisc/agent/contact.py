"""The first contact with a file that lbdisc did not write: its servers are what was there before.

Nothing is applied that takes more than ``guard.max_loss`` of a proxy's servers, until an operator
says so or they appear; and what goes is kept beside. Once a first apply went well the agent itself
knows what is served: a file that is changed by hand later is kept beside as well, and replaced.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from lbdisc import atomic, events
from lbdisc.abilities import TakesOver
from lbdisc.agent.handwriting import Handwriting
from lbdisc.agent.keeping import not_kept
from lbdisc.copies import keep_copy
from lbdisc.errors import ApplyError, LbdiscError
from lbdisc.hooks import Reloader
from lbdisc.listening.listeners import Tell
from lbdisc.listening.repeats import Repeats
from lbdisc.losses import Losses, Place, losses
from lbdisc.planned import Planned
from lbdisc.rendered import Rendered
from lbdisc.settings.tables import CoreSettings


class TakeoverRefused(ApplyError):
    """What is there stays: too many of its servers would go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """What is in the file, and what a candidate takes of it.

    ``text`` is ``None`` where there is no file; ``strange`` says why it is not known to be ours,
    empty where it is. ``refused`` is why nothing may be applied, empty where it may.
    """

    text: str | None
    strange: str
    takes: Losses
    refused: str


class FirstContact:
    """Judges what is to be applied over ``settings.output``.

    ``remembers`` says whether what was served before is known; ``blank`` makes the configuration
    without any endpoint, which holds nothing of anybody's. ``accept`` takes every loss.
    """

    def __init__(
        self,
        settings: CoreSettings,
        reloader: Reloader,
        blank: Callable[[], Rendered],
        *,
        remembers: bool,
        accept: bool = False,
    ) -> None:
        self.settings = settings
        self.handwriting = Handwriting(settings.state_dir)
        self._reloader = reloader
        self._blank = blank
        self._remembers = remembers
        self._accept = accept
        self._failures = Repeats()

    def meeting(self, candidate: Rendered, *, counted: bool = True) -> Meeting:
        """What applying ``candidate`` would do to the file as it is. Raises ``ApplyError``.

        What is taken of a file that is ours is only ``counted`` for who wants to know: of ten
        thousand servers that takes its time.
        """
        try:
            text = atomic.held(self.settings.output)
        except OSError as error:
            what = error.strerror or error
            raise ApplyError(f"cannot read {self.settings.output}: {what}") from error
        strange = "" if text is None else self._strange(text)
        counts = text is not None and (counted or bool(strange))
        takes = self._losses(text or "", candidate.text) if counts else Losses()
        refused = self._refusal(strange, takes) if strange and text != candidate.text else ""
        return Meeting(text=text, strange=strange, takes=takes, refused=refused)

    def _strange(self, text: str) -> str:
        if not self.handwriting.wrote(text):
            self.handwriting.read()  # an operator may have said something meanwhile
        if not self.handwriting.wrote(text):
            return "" if self._is_blank(text) else "was not written by lbdisc"
        if self._remembers:
            return ""
        return f"is lbdisc's, but state_dir {self.settings.state_dir} has lost what it served"

    def _is_blank(self, text: str) -> bool:
        with suppress(LbdiscError):
            return text == self._blank().text
        return False

    def _losses(self, before: str, after: str) -> Losses:
        if not isinstance(self._reloader, TakesOver):
            return Losses()
        accepted: frozenset[Place] = self.handwriting.accepted(before) or frozenset()
        servers = self._reloader.servers
        return losses(servers(before), servers(after), accepted=accepted)

    def _refusal(self, strange: str, takes: Losses) -> str:
        over = takes.over(self.settings.guard.max_loss)
        if not over or self._accept:
            return ""
        return (
            f"nothing is applied: {self.settings.output} {strange}, and this {takes}:"
            f" {'; '.join(map(str, over))}. Mend `services`, the template or the registry; or"
            " accept it with `lbdisc adopt` or `lbdisc run --accept`"
        )

    def admit(self, planned: Planned, tell: Tell, *, generated: bool = True) -> Planned:
        """``planned`` if it may be applied; then what it replaces of others is kept beside.

        ``generated`` says whether it comes from endpoints that are known, and not from the file
        itself. Raises ``TakeoverRefused``, ``ApplyError`` where no copy can be kept.
        """
        candidate = planned.candidate
        met = self.meeting(candidate, counted=False)
        if met.refused:
            raise TakeoverRefused(met.refused)
        replaces = met.strange and met.text != candidate.text
        if replaces:
            copy, is_new = keep_copy(self.settings.output)
            if is_new:
                file, takes = str(self.settings.output), str(met.takes)
                tell(events.CopyKept(file=file, copy=str(copy), takes=takes))
        if generated or not met.strange:
            self._note(candidate.text, tell)
        return replace(planned, over_another=True) if replaces else planned

    def _note(self, text: str, tell: Tell) -> None:
        try:
            self.handwriting.will_write(text)
        except OSError as error:
            tell(not_kept(str(self.handwriting.file), error, self._failures))
        else:
            self._failures.clear()

    def over(self) -> None:
        """What was generated is applied: from now on the agent itself knows what is served.

        What an operator accepted is used up.
        """
        self._remembers = self._accept = True
        self.handwriting.adoption_is_used()
