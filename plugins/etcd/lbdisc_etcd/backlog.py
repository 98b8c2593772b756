"""What a watch told and nobody has dealt with yet: bounded, whoever writes how much."""

import time
from collections.abc import Sequence
from threading import Condition, Thread
from types import TracebackType
from typing import Self

from lbdisc_etcd.messages import Batch
from lbdisc_etcd.wire import Session

MOST = 8 * 1024 * 1024  # bytes that wait


class Changes:
    """A watch from now on, in a thread of its own and a ``with`` block.

    While more than ``MOST`` bytes wait nothing is taken from the server, which keeps it for us.
    Leaving the block closes the session, unless the watch has ended by itself.
    """

    def __init__(self, session: Session, start: bytes, end: bytes) -> None:
        self._session = session
        self._range = start, end
        self._waiting: list[Batch] = []
        self._weight = 0
        self._ended: BaseException | None = None
        self._left = False
        self._changed = Condition()
        self._thread = Thread(target=self._run, name="lbdisc-etcd-watch", daemon=True)

    def take(self, patience: float) -> Sequence[Batch]:
        """All news there is, after up to ``patience`` seconds; may be none.

        Raises a ``Failure`` when the watch has ended and everything before that was taken.
        """
        until = time.monotonic() + patience
        with self._changed:
            while not (self._waiting or self._ended):
                if not self._changed.wait(max(0.0, until - time.monotonic())):
                    return ()
            if not self._waiting and self._ended:
                raise self._ended
            taken, self._waiting, self._weight = self._waiting, [], 0
            self._changed.notify_all()
        return taken

    def _run(self) -> None:
        try:
            for news in self._session.watch(*self._range):
                self._put(news)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that asks
            self._end(error)

    def _put(self, news: Batch) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._weight < MOST or self._left)
            self._waiting.append(news)
            self._weight += news.weight
            self._changed.notify_all()

    def _end(self, error: BaseException) -> None:
        with self._changed:
            self._ended = error
            self._changed.notify_all()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._changed:
            self._left = True
            self._changed.notify_all()
            ended = self._ended
        if ended is None:
            self._session.close()
        self._thread.join()
