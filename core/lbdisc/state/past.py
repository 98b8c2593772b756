"""What outlives the agent of its pace: when it reloaded last, and a failure that still stands."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lbdisc import notes
from lbdisc.boot import since_boot
from lbdisc.notes import UnusableNote

_KIND, _VERSION = "pace", 1
FORGIVEN = 60.0  # seconds; no agent waits longer for what one before has failed at


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Bringing the configuration with ``digest`` failed; again not before ``until``.

    ``delay`` is how long that was, the next may be longer. Times are seconds since the boot.
    """

    digest: str
    until: float
    delay: float

    def left(self) -> float:
        """Seconds until it may be tried again, 0 if it may."""
        return min(max(0.0, self.until - since_boot()), self.delay, FORGIVEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """``reloaded`` is when the load balancer was reloaded last, in seconds since the boot."""

    reloaded: float | None = None
    failed: Failed | None = None

    def age(self) -> float | None:
        """How many seconds ago the last reload was, if there was any."""
        return None if self.reloaded is None else max(0.0, since_boot() - self.reloaded)


class PaceNote:
    """The note at ``path``; only what is new is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept = Past()

    def read(self) -> Past:
        """What the agent before left, if anything. Raises ``UnusableNote``."""
        found = notes.read(self.path, _KIND, _VERSION)
        if found is None:
            return Past()
        try:
            self._kept = _past(found)
        except (KeyError, TypeError, ValueError) as error:
            raise UnusableNote(f"{self.path} is damaged: {error!r}") from error
        return self._kept

    def keep(self, past: Past) -> None:
        """Raises ``OSError``."""
        if past == self._kept:
            return
        self._kept = past
        failed = past.failed
        content = {
            "reloaded": past.reloaded,
            "failed": failed and [failed.digest, failed.until, failed.delay],
        }
        notes.write(self.path, _KIND, _VERSION, content)


def _past(found: dict[str, Any]) -> Past:
    reloaded, failed = found["reloaded"], found["failed"]
    return Past(
        reloaded=None if reloaded is None else float(reloaded),
        failed=failed
        and Failed(digest=str(failed[0]), until=float(failed[1]), delay=float(failed[2])),
    )
