"""One connection with the local agent, which is started for it if it is ours, and what hangs on it.

Here is how a tag is set and read, and how it is known whether other members see it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from threading import Event
from types import TracebackType
from typing import Self

import structlog

from lbdisc.errors import RegistrarError
from lbdisc.values import Endpoint
from lbdisc_serf import asking, tags
from lbdisc_serf.agent import LocalAgent
from lbdisc_serf.connecting import connect
from lbdisc_serf.contact import encrypted
from lbdisc_serf.joiner import Joiner
from lbdisc_serf.members import Member
from lbdisc_serf.rpc import SerfClient
from lbdisc_serf.settings import SerfSettings, joined
from lbdisc_serf.watching import Watch
from lbdisc_serf.wire import RpcError

FIRST_JOIN = 1.0  # seconds that the first try to join may take before it counts as failed
ANSWER = 1.0  # seconds in which one of those who were asked answers
PATIENCE = 3.0  # seconds for a tag to reach those who answer
SLICE = 0.1  # seconds between two looks at whether all is to stop
GLANCE = 0.005  # seconds between two looks for what the agent does at once
BRIEF = 0.5  # seconds that an agent has for each answer at the end


class SerfSession:
    """In a ``with`` block. Raises ``RpcError``, and ``SettingsError`` for an agent that never can.

    ``lost`` is set at once when the agent goes away or ``tag`` is not as it was set.
    """

    def __init__(
        self, settings: SerfSettings, agent: LocalAgent, tag: str, lost: Event, stop: Event
    ) -> None:
        self.agent = agent
        self._settings = settings
        self._stop = stop
        self._tag = tag
        self._joiner = Joiner(
            self._connect,
            settings.join if settings.managed else (),
            interval=settings.join_interval,
        )
        self._watch = Watch(self._connect, tag, lost)
        self._stack = ExitStack()
        self._writer: SerfClient | None = None
        self._asker: SerfClient | None = None
        self._log = structlog.get_logger("lbdisc.serf")

    def _connect(self, stopped: Callable[[], bool]) -> SerfClient:
        return connect(self._settings, stopped)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.agent)
            self._client = stack.enter_context(self._connect(self._stop.is_set))
            self._name = self._client.name
            stack.enter_context(self._joiner)
            stack.enter_context(self._watch)
            stack.callback(self._close_writer)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def check(self) -> None:
        """Raise what keeps the member from being known."""
        self.agent.check()
        if self._watch.failure is not None:
            raise self._watch.failure
        if not self._joiner.settled and encrypted(self._joiner.failure):
            raise RegistrarError(f"{self._joiner.failure} (serf.encrypt, serf.join)")

    def member(self) -> Member:
        """The local member."""
        return _own(self._client, self._name)

    def hold(self, value: str) -> None:
        """Set the tag unless it is so; returns when the local agent has it."""
        with self._watch.lock:
            self._watch.wanted = value
            if self.member().tags.get(self._tag) != value:
                self._write(self._client, {self._tag: value})

    def clear(self, *, role: str) -> None:
        """Take the tag away, even while all else is to stop; ``off`` if the member has ``role``."""
        with self._watch.lock, connect(self._settings, timeout=BRIEF) as client:
            self._watch.wanted = None
            found = _own(client, self._name).tags
            if self._tag not in found:
                return
            if role and found.get("role") == role:
                self._write(client, {self._tag: tags.OFF})
            else:
                self._write(client, {}, deleting=[self._tag])

    def _write(
        self, client: SerfClient, setting: dict[str, str], deleting: Sequence[str] = ()
    ) -> None:
        """The agent has it at once, and answers much later unless another change comes."""
        writer = connect(self._settings, timeout=BRIEF)
        writer.tags(setting, deleting, told=False)
        self._close_writer()
        self._writer = writer
        end = time.monotonic() + self._settings.timeout
        while not _has(_own(client, self._name).tags, setting, deleting):
            if time.monotonic() > end:
                raise RpcError("the Serf agent does not take the tag")
            time.sleep(GLANCE)

    def _close_writer(self) -> None:
        """Waits for others to be told, half a second at most.

        An own agent leaves only after that: a leave may overtake its own intent, and would look
        like a crash to those who do not know yet that the tag is gone.
        """
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def elsewhere(self, endpoint: Endpoint) -> str:
        """The member that has the endpoint's name at another address, if others know one.

        Those asked are the members beside which a load balancer's agent is. Who is alone, or alone
        among members that cannot tell, is believed.
        """
        told = self._told(endpoint)
        return "" if told in (asking.YES, asking.NO) else told

    def await_listed(self, endpoint: Endpoint) -> str:
        """As ``elsewhere``, but others list the endpoint when it is nowhere else; or raises."""
        end = time.monotonic() + PATIENCE
        while (told := self._told(endpoint)) == asking.NO:
            if time.monotonic() > end:
                raise RpcError(f"no load balancer's agent lists the member {endpoint.name} yet")
        return "" if told == asking.YES else told

    def _told(self, endpoint: Endpoint) -> str:
        self._await_join()
        balancers = self._balancers()
        if not balancers:
            return asking.YES
        told = self._ask(endpoint)
        if told is None:
            self._log.info("no load balancer's agent tells whether it lists this member")
            return asking.YES
        if told not in (asking.YES, asking.NO):
            self._meet(balancers[0])
            return f"the member {endpoint.name} at {told}"
        return told

    def _await_join(self) -> None:
        end = time.monotonic() + FIRST_JOIN
        while not (self._joiner.settled or self._joiner.failure) and time.monotonic() < end:
            self._client.idle(GLANCE)

    def _balancers(self) -> list[Member]:
        others = (member for member in self._client.members() if member.name != self._name)
        return [m for m in others if m.status == "alive" and asking.ANSWERING in m.tags]

    def _ask(self, endpoint: Endpoint) -> str | None:
        """What is told first; ``None`` if nobody answers."""
        if self._asker is None:
            self._asker = self._stack.enter_context(self._connect(self._stop.is_set))
        filters, payload = {asking.ANSWERING: ".+"}, asking.question(endpoint)
        query = self._asker.query(asking.QUERY, payload, tags=filters, timeout=ANSWER)
        end = time.monotonic() + 2 * ANSWER
        while time.monotonic() < end:
            for record in self._asker.read(query, SLICE):
                said = record.get(b"Payload")
                if record.get(b"Type") == b"done":
                    return None
                if record.get(b"From") != self._name.encode() and isinstance(said, bytes):
                    return said.decode("ascii", errors="backslashreplace")
        return None

    def _meet(self, member: Member) -> None:
        """Tell it of ours: it listens to nothing else once it has given the old one up."""
        with suppress(RpcError), self._connect(self._stop.is_set) as client:
            client.join([joined((member.address, member.port))], timeout=ANSWER)


def _own(client: SerfClient, name: str) -> Member:
    member = client.member(name)
    if member is None:
        raise RpcError(f"the Serf agent does not know its own member {name}")
    return member


def _has(found: Mapping[str, str], setting: dict[str, str], deleting: Sequence[str]) -> bool:
    return setting.items() <= found.items() and not any(tag in found for tag in deleting)
