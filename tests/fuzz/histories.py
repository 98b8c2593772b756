"""Histories of an etcd that is told in any pieces, and what is there at their end."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from lbdisc_etcd.failures import MemberUnreachable
from lbdisc_etcd.messages import Batch, KeyEvent, Page, Record
from lbdisc_etcd.patience import Patience

CLUSTER = 7
PAUSE = 0.001  # seconds in which what was told is taken in, or not
KEYS = tuple(b"/lbdisc/nodes/%s" % name for name in (b"a", b"b", b"c", b"d", b"-", b"x/y", b"\xff"))
VALUES = (
    *(None, None, b'{"address":"10.0.0.1","port":80}', b'{"address":"10.0.0.2","port":80}'),
    *(b'{"address":"10.0.0.1","port":80,"state":"draining"}', b"", b"[" * 900, b"\xff", b"{}"),
)
Change = tuple[bytes, bytes | None]


@dataclass(frozen=True)
class History:
    """Revisions of one or more changes; a watch that begins at ``begun``, a read at ``read``.

    ``cuts`` are the revisions behind which a batch of the watch ends, ``pauses`` those behind which
    it takes a moment until the next; ``again`` is how many before ``begun`` are told once more.
    """

    revisions: Sequence[Sequence[Change]]
    begun: int
    read: int
    cuts: frozenset[int]
    pauses: frozenset[int]
    again: int
    limit: int

    def at(self, revision: int) -> dict[bytes, bytes]:
        """What is there then."""
        found: dict[bytes, bytes] = {}
        for changes in self.revisions[:revision]:
            for key, value in changes:
                if value is None:
                    found.pop(key, None)
                else:
                    found[key] = value
        return found

    @property
    def batches(self) -> Iterator[tuple[int, list[KeyEvent]]]:
        """What the watch tells, each with its last revision; no revision is in two of them."""
        told: list[KeyEvent] = []
        first = max(0, self.begun - self.again) + 1
        for number, changes in enumerate(self.revisions[first - 1 :], first):
            told += (KeyEvent(key, value, number) for key, value in changes)
            if number in self.cuts or number == len(self.revisions):
                yield number, told
                told = []


@st.composite
def histories(draw: st.DrawFn) -> History:
    change = st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES))
    # In one transaction a key is changed once.
    revision = st.lists(change, min_size=1, max_size=3, unique_by=lambda found: found[0])
    revisions = draw(st.lists(revision, max_size=12))
    read = draw(st.integers(0, len(revisions)))
    return History(
        revisions=revisions,
        begun=draw(st.integers(0, read)),
        read=read,
        cuts=draw(st.frozensets(st.integers(1, 12))),
        pauses=draw(st.frozensets(st.integers(1, 12))),
        again=draw(st.integers(0, 3)),
        limit=draw(st.integers(1, 4)),
    )


class Told:
    """A session with a member that tells a history, and goes when it has."""

    patient = False

    def __init__(self, history: History) -> None:
        self._history = history
        self.patience = Patience(5.0)

    def read(
        self, start: bytes, end: bytes, *, limit: int, revision: int = 0, keys_only: bool = False
    ) -> Page:
        at = self._history.read
        found = sorted(i for i in self._history.at(at).items() if start <= i[0] < end)
        few = found[: min(limit, self._history.limit)]
        records = tuple(Record(key, value, at + 1, 0) for key, value in few)
        # etcd's first revision is 1, of the empty store.
        return Page(records, len(few) < len(found), CLUSTER, at, sum(map(len, few)))

    def watch(
        self, start: bytes, end: bytes, *, revision: int = 0, limit: float | None = None
    ) -> Iterator[Batch]:
        yield Batch((), CLUSTER, self._history.begun)
        for number, events in self._history.batches:
            yield Batch(tuple(events), CLUSTER, number)
            if number in self._history.pauses:
                time.sleep(PAUSE)
        raise MemberUnreachable("it goes")

    def wait(self, seconds: float) -> None:
        pass

    def close(self) -> None:
        pass
