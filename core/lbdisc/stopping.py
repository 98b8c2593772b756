"""Being told to stop without asking for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

ASK = 0.1  # seconds between two looks at an event that cannot tell


class StopEvent(Event):
    """An event that calls when it is set, so that nobody has to look at it all the time.

    The core hands such events to plugins; they see an ``Event``, and ``when_set`` knows the rest.
    """

    def __init__(self) -> None:
        super().__init__()
        # Appended to and removed from at once, each: a signal handler may set the event.
        self._calls: list[Callable[[], None]] = []

    def set(self) -> None:
        super().set()
        for call in tuple(self._calls):
            call()

    def attach(self, call: Callable[[], None]) -> None:
        """Have ``call`` made by whoever sets the event; at once if that was before."""
        self._calls.append(call)
        if self.is_set():
            call()

    def detach(self, call: Callable[[], None]) -> None:
        self._calls.remove(call)


@contextmanager
def when_set(stop: Event, call: Callable[[], None]) -> Iterator[None]:
    """Within, ``call`` is made once ``stop`` is set, by any thread, and perhaps twice."""
    if isinstance(stop, StopEvent):
        stop.attach(call)
        try:
            yield
        finally:
            stop.detach(call)
        return
    over = Event()
    asking = Thread(target=_ask, args=(stop, over, call), name="lbdisc-stop", daemon=True)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()


def _ask(stop: Event, over: Event, call: Callable[[], None]) -> None:
    while not over.is_set():
        if stop.wait(ASK):
            call()
            return
