"""One key that lives as long as our lease, and is only ever written while it is ours."""

import math
import time

import structlog

from lbdisc import records
from lbdisc.values import Endpoint
from lbdisc_etcd.failures import LeaseGone
from lbdisc_etcd.messages import Record
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_etcd.wire import Session

log = structlog.get_logger("lbdisc.etcd")
ABSENT = 0  # the revision of a key that is not there


class Registration:
    """What we know of our key and our lease; each step takes a session and may fail with it.

    ``begun``: there is, or may be, a lease of ours in the cluster.
    """

    def __init__(self, settings: EtcdSettings, service: str, name: str) -> None:
        self._ttl = math.ceil(settings.ttl)
        self._name = f"{service}/{name}"
        self._key = f"{settings.prefix}/{self._name}".encode()
        self._lease = 0
        self._renew_at = 0.0
        self._revision = ABSENT  # at which we wrote the key last
        self._value = b""
        self._known = False  # was registered before
        self._rival: int | None = None  # the lease of another who holds the key; 0: has no lease

    @property
    def begun(self) -> bool:
        return self._lease != 0

    def renew(self, session: Session) -> None:
        """Give the lease its full time again, or get a new one, and see whose the key is."""
        self._renew_at = time.monotonic() + self._ttl / 3
        if self._lease:
            try:
                session.refresh(self._lease)
            except LeaseGone:
                log.warning("the lease has ended: registering again", name=self._name)
                self._lease = 0
        if not self._lease:
            self._lease = session.grant(self._ttl)
        self._take(session.get(self._key))

    def keep(self, session: Session, endpoint: Endpoint) -> bool:
        """Do what is due now: renew the lease, write a new or changed record, watch a rival.

        Returns whether the registry holds ``endpoint`` by us.
        """
        if time.monotonic() >= self._renew_at:
            self.renew(session)
        elif self._rival is not None:
            self._take(session.get(self._key))
        value = records.write(endpoint).encode()
        if self._rival is None and (self._revision == ABSENT or value != self._value):
            self._write(session, value)
        return self._revision != ABSENT and self._value == value

    def _write(self, session: Session, value: bytes) -> None:
        """Put the record if nobody has touched it since we looked."""
        new = self._revision == ABSENT
        written = session.put(self._key, value, lease=self._lease, over=self._revision)
        self._take(written.record)
        if written.done and new:
            if self._known:  # the core tells of the first time
                log.info("registered again", name=self._name, key=self._key.decode())
            self._known = True

    def _take(self, record: Record | None) -> None:
        """Learn what is there: nothing, ours, or another's, which is never written or deleted."""
        self._revision, self._value = ABSENT, b""
        rival = None
        if record is not None and record.lease == self._lease:
            self._revision, self._value = record.mod_revision, record.value
        elif record is not None:
            rival = record.lease
        if rival is not None and rival != self._rival:
            log.warning(
                "another registrar holds this name: waiting until it leaves",
                name=self._name,
                lease=f"{rival:x}",
            )
        self._rival = rival

    def leave(self, session: Session, endpoint: Endpoint) -> None:
        """Say goodbye, then end the lease, which deletes the key if it is ours."""
        self._take(session.get(self._key))
        goodbye = records.write(endpoint.drain()).encode()
        if self._revision != ABSENT and self._value != goodbye:
            session.put(self._key, goodbye, lease=self._lease, over=self._revision)
        session.revoke(self._lease)
        self._lease = 0
