"""What the registry said of an entry last, and what of that is told."""

from collections.abc import Callable

from lbdisc import events
from lbdisc.errors import LbdiscError, SettingsError, WriteRefused
from lbdisc.events import Cause
from lbdisc.listening.listeners import Tell
from lbdisc.listening.repeats import Repeats
from lbdisc.register.holding import End, trace_of
from lbdisc.values import Endpoint


class Standing:
    """``published`` is what the registry holds by us, ``trouble`` its last complaint.

    ``listed``: it had the entry, and may still have it; ``ever``: it had it at any time;
    ``answered``: it said anything yet; ``hopeless``: an operator has to mend it. For one thread.
    """

    def __init__(self, endpoint: Callable[[], Endpoint], tell: Tell, cause: Cause) -> None:
        self._endpoint = endpoint
        self._tell = tell
        self._cause = cause
        self._refusals = Repeats()
        self.published: Endpoint | None = None
        self.listed = False
        self.ever = False
        self.answered = False
        self.trouble = ""
        self.hopeless = False

    def took(self, endpoint: Endpoint) -> None:
        """The registry holds ``endpoint`` now."""
        self._holds(endpoint)
        kind = events.EntryDraining if endpoint.draining else events.EntryRegistered
        self._tell(kind(endpoint=endpoint, cause=self._cause))

    def kept(self, endpoint: Endpoint) -> None:
        """The registry can be told again, and had ``endpoint`` all the time."""
        self._holds(endpoint)
        self._tell(events.EntryKept(endpoint=endpoint, cause=self._cause))

    def renewed(self, endpoint: Endpoint, times: int) -> None:
        """The registry was told again of ``endpoint``, so often."""
        self._tell(events.EntryRenewed(endpoint=endpoint, times=times, cause=self._cause))

    def _holds(self, endpoint: Endpoint) -> None:
        self.published = endpoint
        self.listed = self.ever = self.answered = True
        self.trouble = ""
        self._refusals.clear()

    def waits(self, rival: str) -> None:
        """Another holds the name."""
        self.published, self.listed, self.trouble = None, False, ""
        self.answered = True
        waiting = events.EntryWaiting(endpoint=self._endpoint(), rival=rival, cause=self._cause)
        self._tell(waiting)

    def refused(self, error: LbdiscError) -> None:
        """The registry cannot be told now; ``complain`` says so."""
        self.published, self.answered = None, True
        # Neither lets the draining state through in time: an operator has to come first.
        self.hopeless = isinstance(error, SettingsError | WriteRefused)

    def complain(self, error: LbdiscError, *, held: bool) -> None:
        """Tell why it was refused; ``held``: the registry has what it had."""
        self.trouble = str(error)
        kind = events.EntryRefused
        if held:
            refused = isinstance(error, WriteRefused)
            kind = events.ChangeRefused if refused else events.EntryUnrenewed
        times = self._refusals.count(kind.__name__, self.trouble)
        self._tell(
            kind(
                error=self.trouble,
                trace=trace_of(error),
                times=times,
                again=times > 1,
                cause=self._cause,
            )
        )

    def left(self, end: End) -> None:
        """Nobody holds it any more."""
        endpoint = self._endpoint()
        if end.error is not None:
            self._tell(
                events.EntryStays(
                    endpoint=endpoint,
                    error=str(end.error),
                    within_s=end.expires_s,
                    cause=self._cause,
                )
            )
        elif end.held:
            self._tell(events.EntryLeft(endpoint=endpoint, cause=self._cause))
        self.published = None
        self.listed = False
