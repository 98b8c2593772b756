"""One key that lives as long as our lease, and is only ever written while it is ours."""

import json
import math
import time
from collections import deque
from contextlib import suppress
from threading import Lock

from lbdisc import records
from lbdisc.errors import EntryError
from lbdisc.raw import Oversized, Raw
from lbdisc.values import Endpoint
from lbdisc_etcd.failures import Denied, Failure, LeaseGone, MemberUnreachable
from lbdisc_etcd.messages import Found, KeyEvent
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_etcd.wire import Session

AGAIN = 0.5  # seconds until a renewal that failed is tried again
OWNER = "owner"  # the member of a record that tells whose it is; readers pass over it
ABSENT = 0  # the revision of a key that is not there
TRIES = 3  # writes in one put that others may forestall
REMEMBERED = 100  # leases of ours that have ended, and may be back with an older state


class LeasedKey:
    """What we know of our key and our lease; ``put`` and ``remove`` may raise a ``Failure``.

    ``key`` and ``ttl`` (seconds) never change. ``begun``: there is a lease of ours in the cluster.
    ``seen``: the revision of the cluster that we know the key at. A record that names ``owner`` was
    written by us, whatever lease it has: one of a process that was killed.
    ``found``: the last put that was true has written nothing.
    """

    def __init__(self, settings: EtcdSettings, service: str, name: str, owner: str = "") -> None:
        self.ttl = math.ceil(settings.ttl)
        self.key = f"{settings.prefix}/{service}/{name}".encode()
        self.seen = 0
        self.found = False
        self.rival = ""  # who holds the key instead, for people
        self._owner = owner
        self._lease = 0
        self._ended: deque[int] = deque(maxlen=REMEMBERED)
        self._session: Session | None = None  # that the lease was refreshed over
        self._alive = False  # whether the lease has not ended, as far as we know
        self._renew_at = 0.0
        self._revision = ABSENT  # at which the key was written last, by us
        self._value: Raw = b""
        self._lock = Lock()

    @property
    def begun(self) -> bool:
        return self._lease != 0

    def put(self, session: Session, endpoint: Endpoint) -> bool:
        """Renew what is ours, write a new or changed record; whether the key is ours.

        There is no lease of ours while the key is another's.
        """
        value = self._record(endpoint)
        with self._lock:
            # Over another session it may be another cluster, or an older state of this one.
            if self._lease and (session is not self._session or time.monotonic() > self._renew_at):
                self._refresh(session)
            self._session = session
            self._take(session.get(self.key))
            for turn in range(TRIES):
                if self.rival:
                    self._end(session)
                    return False
                if self._alive and self._revision != ABSENT and self._value == value:
                    self.found = turn == 0
                    return True
                self._write(session, value)
        raise MemberUnreachable("the key is changed all the time")

    def keep_alive(self, session: Session) -> None:
        """Renew the lease when it is time: that needs no login. What fails is left to ``put``."""
        with self._lock:
            if self._lease and time.monotonic() > self._renew_at:
                self._renew_at = time.monotonic() + AGAIN
                with suppress(Failure):
                    self._refresh(session)

    def _write(self, session: Session, value: bytes) -> None:
        self._ensure_lease(session)
        try:
            self._take(session.put(self.key, value, lease=self._lease, over=self._revision))
        except LeaseGone:
            self._alive = False

    def _record(self, endpoint: Endpoint) -> bytes:
        owner = {OWNER: self._owner} if self._owner else {}
        record = records.to_object(endpoint) | {records.TTL: self.ttl} | owner
        return json.dumps(record, separators=(",", ":")).encode()

    def remove(self, session: Session) -> None:
        """End the lease, which deletes the key if it is ours."""
        with self._lock:
            self._end(session)

    def is_news(self, event: KeyEvent) -> bool:
        """Whether ``put`` has to look: ours was touched, or another's is gone."""
        with self._lock:  # what a put in progress did itself is no news
            return event.revision > self.seen and (not self.rival or event.value is None)

    def _ensure_lease(self, session: Session) -> None:
        if self._lease and self._revision == ABSENT:  # it may have ended, and the key with it
            self._refresh(session)
        if not self._alive:
            self._forget_lease()
            self._lease = session.grant(self.ttl)
            self._renewed()

    def _refresh(self, session: Session) -> None:
        try:
            session.refresh(self._lease)
            self._renewed()
        except LeaseGone:
            self._alive = False

    def _renewed(self) -> None:
        # The core puts after a third of ttl, and a little earlier when something happens.
        self._alive, self._renew_at = True, time.monotonic() + self.ttl / 4

    def _end(self, session: Session) -> None:
        try:
            if self._lease:
                session.revoke(self._lease)
        except Denied:  # any user may hang a key on it, in a transaction, and then we may not
            if self._revision != ABSENT:
                session.delete(self.key, over=self._revision)
        self._forget_lease()
        self._alive, self._revision = False, ABSENT

    def _forget_lease(self) -> None:
        if self._lease:
            self._ended.append(self._lease)
        self._lease = 0

    def _take(self, found: Found) -> None:
        """Learn what is there: nothing, ours, or another's, which is never written or deleted."""
        self._revision, self._value, self.rival = ABSENT, b"", ""
        self.seen = found.revision
        record = found.record
        if record is not None and self._lease and record.lease == self._lease:
            self._revision, self._value = record.mod_revision, record.value
        elif record is not None and record.lease in self._ended:
            self._revision = record.mod_revision  # back from a backup: to be written anew
        elif record is not None and record.lease and self._is_ours(record.value):
            self._revision = record.mod_revision  # to be written over, under a lease that lives
        elif record is not None and record.lease:
            self.rival = f"lease {record.lease:x}"
        elif record is not None:
            self.rival = f"written without a lease: delete the key {self.key.decode()}"

    def _is_ours(self, record: Raw) -> bool:
        if isinstance(record, Oversized):
            return False
        try:
            return bool(self._owner) and records.load_object(record).get(OWNER) == self._owner
        except EntryError:
            return False
