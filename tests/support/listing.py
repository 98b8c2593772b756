"""What the registry's own client beside HAProxy lists, looked at all the time in a thread."""

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread

from lbdisc.errors import LbdiscError

LOOK = 0.03  # seconds between two looks
END = 12.0  # seconds; a registry that is frozen may leave a look without an answer for that long


class Listing:
    """Knows what ``look`` says and since when; an error of the registry is no answer."""

    def __init__(self, look: Callable[[], set[str]]) -> None:
        self._look = look
        self._over = Event()
        self._thread = Thread(target=self._run, name="listing", daemon=True)
        self._last: tuple[set[str] | None, float] = (None, 0.0)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join(END)

    @property
    def names(self) -> set[str] | None:
        """What it says now; ``None`` while it does not answer."""
        return self._last[0]

    def since(self, names: set[str]) -> float | None:
        """When it began to say just ``names``, on the monotonic clock; ``None`` if it does not."""
        found, since = self._last
        return since if found == names else None

    def _run(self) -> None:
        while not self._over.wait(LOOK):
            found, begun = self._answer(), time.monotonic()
            if found != self._last[0]:
                self._last = found, begun

    def _answer(self) -> set[str] | None:
        with suppress(OSError, LbdiscError):
            return self._look()
        return None
