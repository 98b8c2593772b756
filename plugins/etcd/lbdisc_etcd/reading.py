"""Reading everything under a prefix, and watching it from a thread of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Self

from lbdisc.values import Endpoint
from lbdisc_etcd.failures import Failure
from lbdisc_etcd.messages import Batch, Record
from lbdisc_etcd.state import Records
from lbdisc_etcd.wire import Session

ASIDE = 1.0  # seconds for what an outage's history tells beside the state


@dataclass(frozen=True, slots=True)
class State:
    """All records at one moment: at ``revision`` of the cluster ``cluster``."""

    records: tuple[Record, ...]
    cluster: int
    revision: int


def read_everything(session: Session, start: bytes, end: bytes, *, page_size: int) -> State:
    """All records as they were at the moment of the first page. Raises a ``Failure``."""
    page = session.read(start, end, limit=page_size)
    cluster, at = page.cluster, page.revision
    records = [*page.records]
    while page.more:
        after = page.records[-1].key + b"\0"
        page = session.read(after, end, limit=page_size, revision=at)
        records += page.records
    return State(tuple(records), cluster, at)


def left_cleanly(
    session: Session, records: Records, lost: Mapping[bytes, Endpoint], *, after: int, until: int
) -> list[Endpoint]:
    """Those of ``lost`` that were draining before they went, as draining.

    What happened from ``after`` to ``until`` tells, as far as it is not forgotten. Nothing depends
    on it: in another history it is silent, or tells what happened there.
    """
    drained: dict[bytes, Endpoint] = {}
    waited_for = set(lost)
    try:
        for news in session.watch(*records.range, revision=after + 1, limit=ASIDE):
            for event in news.events:
                if event.key not in lost or event.revision > until:
                    continue
                if event.value is None:
                    waited_for.discard(event.key)
                    continue
                drained.pop(event.key, None)
                endpoint = records.decoded(event.key, event.value)
                if endpoint is not None and endpoint.draining:
                    drained[event.key] = endpoint
            if not waited_for or news.revision > until:
                break
    except Failure:
        pass  # compacted, too much or too slow: then they count as lost
    return list(drained.values())


class Changes:
    """A watch from now on in a ``with`` block; leaving it closes the session, whose end it is."""

    def __init__(self, session: Session, start: bytes, end: bytes) -> None:
        self._session = session
        self._range = start, end
        self._queue: SimpleQueue[Batch | BaseException] = SimpleQueue()
        self._thread = Thread(target=self._run, name="lbdisc-etcd-watch", daemon=True)

    def next(self, patience: float | None = None) -> Batch | None:
        """The next news; ``None`` after ``patience`` seconds without. Raises a ``Failure``."""
        try:
            news = self._queue.get(timeout=patience)
        except Empty:
            return None
        if isinstance(news, BaseException):
            raise news
        return news

    def _run(self) -> None:
        try:
            for news in self._session.watch(*self._range):
                self._queue.put(news)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that asks
            self._queue.put(error)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.close()
        self._thread.join()
