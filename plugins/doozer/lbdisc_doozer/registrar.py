"""Registrar ``doozer``: one file for each entry, written again and again as a heartbeat."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from lbdisc.errors import RegistrarError, SettingsError, WriteRefused
from lbdisc.raw import digest
from lbdisc.values import Endpoint
from lbdisc_doozer.connection import Answer, DoozerConnection
from lbdisc_doozer.evidence import LiveClock, Lives
from lbdisc_doozer.exposure import warn_of_plaintext
from lbdisc_doozer.failures import DoozerFailure, Mismatch, NoSuchEntry, NotAFile
from lbdisc_doozer.messages import MISSING, Flag, Request, Response, Verb
from lbdisc_doozer.reading import revision_of
from lbdisc_doozer.record import claim_of, path_of, write
from lbdisc_doozer.servers import DoozerServers
from lbdisc_doozer.settings import DoozerSettings
from lbdisc_doozer.sweeping import Sweeper

SHORTEST = 0.5  # seconds that a request may take at the least
# Bytes of a record and its path. doozerd's servers send each other a write in one packet of 3,000
# bytes; a larger one is never decided on, nor refused (peer.go, maxUDPLen; seen).
LARGEST = 2500
TURNS = 10  # times that a file is set right at once, while somebody else changes it
TAKEN_OVER = 1.5  # times its ttl that another's entry is silent: all readers have left it out


class DoozerRegistrar:
    """Holds files; see ``lbdisc.hooks.Registrar``. What was not removed is taken up again."""

    def __init__(self, settings: DoozerSettings) -> None:
        self._settings = settings
        self._owner = secrets.token_hex(8)
        warn_of_plaintext(settings)

    def reclaim_as(self, owner: str) -> None:
        """See ``lbdisc.abilities.Reclaims``."""
        self._owner = owner

    @contextmanager
    def open(self, endpoint: Endpoint, stop: Event) -> Iterator["_Entry"]:
        """Raises ``SettingsError`` for a format that no registrar writes."""
        settings = self._settings
        if settings.format != "lbdisc":
            raise SettingsError("bad setting doozer.format: a registrar writes 'lbdisc' only")
        # So short that some frozen servers can be asked in vain before readers miss us.
        patience = min(settings.request_timeout, max(SHORTEST, settings.ttl / 6))
        name = f"{endpoint.service}/{endpoint.name}"
        servers = DoozerServers(settings, error=RegistrarError, timeout=patience, name=name)
        with servers.open(stop):
            yield _Entry(servers, path_of(settings, *endpoint.key), self._owner, settings.ttl)


class _Entry:
    """One file, over whichever connection there is; a wait on it tells when it is lost.

    A write names the revision that was seen, and doozer takes any that is not older: what was seen
    over one connection counts for nothing over the next, whose server may have begun anew.
    """

    def __init__(self, servers: DoozerServers, path: str, owner: str, ttl: float) -> None:
        self.lost = Event()
        self.lease = ttl
        self.rival = ""
        self.found = False
        self._servers = servers
        self._path, self._owner = path, owner
        self._connection: DoozerConnection | None = None
        self._revision: int | None = None  # of the file; unknown: to be looked at
        self._news = False  # whether somebody else changed the file since
        self._endpoint: Endpoint | None = None  # what the file says, as far as is known
        self._beat = 0
        self._written: tuple[bytes, ...] = ()  # of late; the last may be on its way
        self._listening = False
        self._last: Endpoint | None = None  # what was written last
        self._seen: tuple[float, bytes] | None = None  # the ttl of another's entry, and which write
        self._at = 0.0
        self._clock = LiveClock()
        self._lives = Lives(self._clock)
        self._sweeper = Sweeper(path, ttl)

    def put(self, endpoint: Endpoint) -> bool:
        def keep(connection: DoozerConnection) -> bool:
            held = self._put(connection, endpoint)
            if held:
                self._sweeper.sweep(connection)
            return held

        return self._servers.do(keep)

    def remove(self) -> None:
        self._servers.do(self._remove)

    def _put(self, connection: DoozerConnection, endpoint: Endpoint) -> bool:
        self._meet(connection)
        for _ in range(TURNS):
            known = self._revision is not None and not self._news and not self.rival
            if not known:
                self._look(connection)
            if self.rival and not self._is_over(connection):
                return False
            self.found = self._endpoint == endpoint
            if known and self.found and self._is_fresh():
                return True
            if self._write(connection, endpoint):
                if not self._listening:
                    self._listen(connection, (self._revision or 0) + 1)
                return True
        raise RegistrarError(f"{self._path} is changed by somebody else all the time")

    def _meet(self, connection: DoozerConnection) -> None:
        if connection is self._connection:
            return
        revision = revision_of(connection)
        self._connection, self._revision = connection, None
        self._clock.begin(revision, time.monotonic())
        self._sweeper.met(revision)
        self._listen(connection, revision + 1)  # before the look: what comes after it counts

    def _is_fresh(self) -> bool:
        # The core puts after a third of the ttl, and earlier when something happens.
        return time.monotonic() - self._at < self.lease / 4

    def _look(self, connection: DoozerConnection) -> None:
        """Learn what is there: nothing, ours, or another's."""
        self._news, self.rival, self._endpoint, self._seen = False, "", None, None
        try:
            answer = connection.ask(Request(Verb.GET, path=self._path))
        except NotAFile as error:
            raise WriteRefused(f"{self._path} is a directory: delete what is in it") from error
        self._revision = answer.rev or MISSING
        if self._revision == MISSING:
            return
        claim = claim_of(answer.value)
        if claim.owner == self._owner:
            self._beat = claim.beat
            self._endpoint = self._said(answer)
        elif claim.ttl is None:
            self.rival = f"written without a ttl: delete {self._path}"
        else:
            self.rival = f"owner {claim.owner[:32]!a}"
            self._seen = claim.ttl, b"%d %b" % (self._revision, digest(answer.value))

    def _said(self, answer: Response) -> Endpoint | None:
        """What the file says, if it is what we wrote last."""
        return self._last if answer.value in self._written[-1:] else None

    def _is_over(self, connection: DoozerConnection) -> bool:
        """Whether another's entry had no heartbeat for so long that nobody lists it."""
        if self._seen is None:
            return False
        ttl, written = self._seen
        self._clock.saw(revision_of(connection), time.monotonic())
        self._lives.saw(self._path, written, ttl)
        return self._lives.silent(self._path) > TAKEN_OVER * ttl

    def _write(self, connection: DoozerConnection, endpoint: Endpoint) -> bool:
        """Whether nobody else was quicker."""
        value = write(endpoint, owner=self._owner, ttl=self.lease, beat=self._beat + 1)
        if len(value) + len(self._path) > LARGEST:
            raise WriteRefused(
                f"the record of {self._path} takes {len(value)} bytes, doozer {LARGEST} with the "
                "path: give it fewer or shorter tags"
            )
        self._written = (*self._written[-3:], value)
        self._last = endpoint
        request = Request(Verb.SET, path=self._path, value=value, rev=self._revision)
        try:
            revision = connection.ask(request).rev
        except Mismatch:
            self._revision = None
            return False
        except (NoSuchEntry, NotAFile) as error:
            folder = self._path.rpartition("/")[0]
            raise WriteRefused(f"{folder} is no directory, or {self._path} one") from error
        self._revision, self._endpoint, self.rival = revision, endpoint, ""
        self._beat += 1
        self._at = time.monotonic()
        self._sweeper.wrote(revision or 0)
        return True

    def _remove(self, connection: DoozerConnection) -> None:
        self._meet(connection)
        for _ in range(TURNS):
            if self._revision is None or self._news or self.rival:
                self._look(connection)
            if self.rival or self._revision == MISSING:
                return
            try:
                connection.ask(Request(Verb.DEL, path=self._path, rev=self._revision))
                self._revision, self._endpoint = None, None
                return
            except Mismatch:
                self._revision = None
        raise RegistrarError(f"{self._path} is changed by somebody else all the time")

    def _listen(self, connection: DoozerConnection, revision: int) -> None:
        """Set ``lost`` at every news of the file, and when the connection breaks."""

        def hear(answer: Answer) -> None:
            """In the thread of the connection."""
            if isinstance(answer, DoozerFailure):
                self._listening, self._news = False, True
                self.lost.set()
                return
            gone = bool(answer.flags & Flag.DEL)
            if gone or (answer.value not in self._written and not self.rival):
                self._news = True
                self.lost.set()
            self._listen(connection, (answer.rev or 0) + 1)

        self._listening = True
        connection.send(Request(Verb.WAIT, path=self._path, rev=revision), hear)
