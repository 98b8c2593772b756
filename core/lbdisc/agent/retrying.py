"""How long to wait after a failed apply: it depends on what failed."""

from lbdisc.agent.looking import LIFE_SIGN
from lbdisc.backoff import Backoff
from lbdisc.errors import ApplyError, LbdiscError, NotLoaded, Unconfirmed
from lbdisc.settings.tables import AgentSettings

PATIENCE = 10.0  # seconds between two checks of what would not load, as an address that is taken
DOUBT = 60.0  # seconds; no reload after the other where what runs never is what was applied


class Retries:
    """Pauses in seconds, which grow until something is applied."""

    def __init__(self, settings: AgentSettings) -> None:
        self._soon = Backoff(settings.retry_first, settings.retry_most)
        self._doubt = Backoff(settings.retry_first, DOUBT)
        self._patience = Backoff(settings.retry_first, PATIENCE)

    @property
    def kept(self) -> tuple[Backoff, Backoff]:
        """Those that outlive the agent."""
        return self._soon, self._doubt

    def after(self, error: LbdiscError) -> float:
        """The pause after ``error``."""
        delay = self._soon.next()
        if isinstance(error, Unconfirmed):
            return self._doubt.next()
        if isinstance(error, NotLoaded):
            return self._patience.next() if error.retry_s is None else error.retry_s
        if isinstance(error, ApplyError):  # the process may come back at any moment
            return min(delay, LIFE_SIGN)
        return delay

    def hurry(self) -> None:
        """There is something new to try."""
        self._soon.reset()

    def over(self) -> None:
        """It was applied."""
        for each in (self._soon, self._doubt, self._patience):
            each.reset()
