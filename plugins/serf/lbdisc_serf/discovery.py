"""The discovery ``serf``: ``members`` is the truth, the agent's log tells when to look again.

Serf's event stream waits a fixed second before it tells of a member; the log does not.
"""

import socket
import time
from threading import Event

from lbdisc.errors import DiscoveryError
from lbdisc.hooks import Publish
from lbdisc_serf import asking
from lbdisc_serf.agent import LocalAgent
from lbdisc_serf.connecting import connect
from lbdisc_serf.joiner import Joiner, encrypted
from lbdisc_serf.rpc import Record, SerfClient
from lbdisc_serf.settings import SerfSettings, check
from lbdisc_serf.view import View
from lbdisc_serf.wire import RpcError, RpcStopped

SLICE = 0.1  # seconds between two looks at ``stop``
# A line that tells of a member; an intent to leave is told a while before the leave itself.
_NEWS = (b"serf: EventMember", b"serf: messageLeaveType")


class SerfDiscovery:
    """Watches the members that the local agent knows."""

    def __init__(self, settings: SerfSettings) -> None:
        self._settings = check(settings)
        self._view = View(settings)

    def watch(self, publish: Publish, stop: Event) -> None:
        """See ``Discovery.watch``; one call at a time."""
        agent = LocalAgent(
            self._settings,
            node=socket.gethostname(),
            tags={},
            stopped=stop.is_set,
        )
        try:
            with agent:
                self._follow(agent, publish, stop)
        except RpcStopped:
            return
        except RpcError as error:
            raise DiscoveryError(f"{error} (serf.rpc)") from error

    def _follow(self, agent: LocalAgent, publish: Publish, stop: Event) -> None:
        with connect(self._settings, stop.is_set) as client, self._joiner() as joiner:
            log, queries = client.monitor("DEBUG"), client.stream(f"query:{asking.QUERY}")
            self._await_join(agent, client, log, joiner, stop)
            fresh, news = True, ""
            while not stop.is_set():
                members = client.members()
                for snapshot in self._view.update(members, fresh=fresh, now=time.monotonic()):
                    publish(snapshot, revision=news)
                fresh = False
                joiner.forgotten(self._view.forgotten)
                news = self._await_news(agent, client, log, queries, stop)

    def _joiner(self) -> Joiner:
        settings = self._settings
        return Joiner(
            lambda stopped: connect(settings, stopped),
            settings.join if settings.managed else (),
            interval=settings.join_interval,
        )

    def _await_join(
        self, agent: LocalAgent, client: SerfClient, stream: int, joiner: Joiner, stop: Event
    ) -> None:
        """At the very first, an agent that is still alone knows nothing worth publishing."""
        end = time.monotonic() + self._settings.rejoin_window
        while self._view.empty and not joiner.settled and not stop.is_set():
            agent.check()
            if encrypted(joiner.failure):
                raise DiscoveryError(f"{joiner.failure} (serf.encrypt, serf.join)")
            if time.monotonic() > end:
                return
            client.read(stream, SLICE / 5)

    def _await_news(
        self, agent: LocalAgent, client: SerfClient, log: int, queries: int, stop: Event
    ) -> str:
        """What the agent's log says of a member, ``""`` when it is only time to look again."""
        end = time.monotonic() + self._settings.poll
        while not stop.is_set() and (left := end - time.monotonic()) > 0:
            agent.check()
            news = next(filter(None, map(_news, client.read(log, min(SLICE, left)))), "")
            _answer(client, client.read(queries, 0.0))
            if news:
                return news
        return ""


def _answer(client: SerfClient, queries: list[Record]) -> None:
    """Tell registrars elsewhere what the local agent lists of them."""
    for query in queries:
        number = query.get(b"ID")
        if isinstance(number, int):
            told = asking.answer(query.get(b"Payload"), client.members())
            client.respond(number, told.encode())


def _news(record: Record) -> str:
    line = record.get(b"Log")
    if not isinstance(line, bytes) or not any(words in line for words in _NEWS):
        return ""
    text = line.rpartition(b"serf: ")[2].decode("utf-8", errors="replace").strip()
    return text if text.isprintable() else ascii(text)[1:-1]
