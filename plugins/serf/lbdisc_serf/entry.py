"""One entry in Serf: a tag on the local member, while the name is nobody else's."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from threading import Event
from types import TracebackType
from typing import Self

from lbdisc import handshake
from lbdisc.errors import RegistrarError, SettingsError
from lbdisc.values import Endpoint, is_reserved
from lbdisc_serf import tags
from lbdisc_serf.claim import Claim
from lbdisc_serf.complaints import NameTaken
from lbdisc_serf.members import Member
from lbdisc_serf.session import SerfSession
from lbdisc_serf.settings import SerfSettings
from lbdisc_serf.wire import RpcError, RpcStopped

PUTS = 3  # the core puts three times in a lease; a member has none, ``serf.poll`` is the pace


class TagEntry:
    """See ``lbdisc.hooks.Entry``; in a ``with`` block.

    ``open_session`` gets the settings with which an agent is reached, or started; ``saw`` hears of
    all tags that the member has, before each ``put``.
    """

    def __init__(
        self,
        settings: SerfSettings,
        claim: Claim,
        service: str,
        open_session: Callable[[SerfSettings, Event], SerfSession],
        saw: Callable[[Mapping[str, str]], None] = lambda tags: None,
    ) -> None:
        self.lease = PUTS * settings.poll
        self.lost = Event()
        self.rival = ""
        self._settings = settings
        self._claim = claim
        self._service = service
        self._tag = tags.tag_name(service)
        self._open_session = open_session
        self._saw = saw
        self._session: SerfSession | None = None
        self._seen = False  # whether others are known to list the member
        self._stranger = False  # whether others know another member by its name
        self._again = 0.0  # when to look again at a name that others have

    def __enter__(self) -> Self:
        return self

    def put(self, endpoint: Endpoint) -> bool:
        if not self._claim.take():
            self.rival = f"another registrar on this host ({self._claim.name})"
            return False
        if time.monotonic() < self._again:
            return False
        try:
            with self._explained():
                return self._put(self._opened(), endpoint)
        except NameTaken:
            self._close(None)
            return self._taken(self.rival if self._stranger else f"another member {endpoint.name}")

    def _opened(self) -> SerfSession:
        if self._session is None:
            # The tag is there from an own agent's start.
            self._claim.used = self._claim.used or self._settings.managed
            self._session = self._open_session(self._settings, self.lost).__enter__()
        return self._session

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """A broken connection may mean that an own agent has ended, which says why."""
        try:
            try:
                yield
            except RpcError as error:
                if self._session is not None and not isinstance(error, RpcStopped):
                    self._session.agent.explain()
                raise
        except NameTaken:
            raise
        except RpcError as error:
            raise RegistrarError(f"{error} (serf.rpc)") from error

    def _put(self, session: SerfSession, endpoint: Endpoint) -> bool:
        session.check()
        member = session.member()
        if is_reserved(self._service):
            endpoint = handshake.under(endpoint, member.name)
        self._check(member, endpoint)
        asking = not (self._seen or endpoint.draining or is_reserved(self._service))
        # A foreign agent's member is not touched while its name is another's.
        if asking and not session.agent.owned and (rival := session.elsewhere(endpoint)):
            return self._taken(rival)
        self._claim.used = True
        session.hold(tags.write(endpoint))
        if asking and (rival := session.await_listed(endpoint)):
            return self._taken(rival)
        self._seen, self._stranger = self._seen or asking, False
        return True

    def _taken(self, rival: str) -> bool:
        self.rival, self._stranger = rival, True
        self._claim.used = False  # nobody else knows of us
        self._again = time.monotonic() + self._settings.poll
        return False

    def _check(self, member: Member, endpoint: Endpoint) -> None:
        if not is_reserved(self._service):
            _check_identity(member, endpoint)
        self._saw(member.tags)
        # What fits now has to fit as draining too.
        drained = tags.write(handshake.begun(endpoint))
        tags.check_size({**member.tags, self._tag: drained})

    def remove(self) -> None:
        """Without the tag; a member that has the role as well is ``off``. An own agent leaves."""
        if not (self._claim.used and self._claim.take()):
            return
        try:
            with self._explained():
                self._clear(self._session or self._reached())
        except (NameTaken, RegistrarError):
            if not self._settings.managed:  # an own agent that is gone took its tag along
                raise
        finally:
            self._claim.release()
        self._claim.used = False

    def _reached(self) -> SerfSession:
        """A session with the agent if it is there; none is started to take a tag away."""
        settings = replace(self._settings, agent="external")
        self._session = self._open_session(settings, self.lost).__enter__()
        return self._session

    def _clear(self, session: SerfSession) -> None:
        role = "" if is_reserved(self._service) else self._settings.role
        with suppress(RpcError) if session.agent.owned else nullcontext():  # it leaves in any case
            session.clear(role=role)
        session.agent.leave()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close(error)
        if not self._claim.used:
            self._claim.release()

    def _close(self, error: BaseException | None) -> None:
        session, self._session, self._seen = self._session, None, False
        if session is not None:
            if self._stranger:  # its leave would take out the other
                session.agent.kill()
            session.__exit__(None if error is None else type(error), error, None)


def _check_identity(member: Member, endpoint: Endpoint) -> None:
    if member.name != endpoint.name:
        raise SettingsError(
            f"register.name is {endpoint.name}, the Serf member is named {member.name}: "
            "they have to be the same"
        )
    if member.address != endpoint.address:
        raise SettingsError(
            f"register.address is {endpoint.address}, the Serf member {member.name} has "
            f"{member.address}: they have to be the same (serf.bind, serf.advertise)"
        )
