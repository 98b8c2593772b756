"""The discovery ``serf``: ``members`` is the truth, the agent's log tells when to look again.

Serf's event stream waits a fixed second before it tells of a member; the log does not.
"""

import math
import socket
import time
from collections.abc import Sequence
from dataclasses import replace
from threading import Event

from lbdisc.errors import DiscoveryError
from lbdisc.examining import Examination
from lbdisc.hooks import Publish
from lbdisc.showing import plain
from lbdisc_serf import asking, exposure
from lbdisc_serf.agent import LocalAgent
from lbdisc_serf.connecting import connect
from lbdisc_serf.contact import encrypted
from lbdisc_serf.examining import examinations
from lbdisc_serf.joiner import Joiner
from lbdisc_serf.rpc import Record, SerfClient
from lbdisc_serf.settings import SerfSettings, check
from lbdisc_serf.view import View
from lbdisc_serf.wire import RpcError, RpcStopped

SLICE = 0.1  # seconds between two looks at ``stop``
# A line that tells of a member; an intent to leave is told a while before the leave itself.
_NEWS = (b"serf: EventMember", b"serf: messageLeaveType")


class SerfDiscovery:
    """Watches the members that the local agent knows.

    An agent whose list is not the truth (see ``Belief``) is a lost registry: that is raised once,
    and then waited for, as long as it is so for the same reason. News that are true all the same
    are published. An own agent goes on between two calls of ``watch``, so that others can join it.
    """

    def __init__(self, settings: SerfSettings, service: str = "") -> None:
        self._settings = check(settings)
        exposure.warn(settings)
        self._view = View(settings, service)
        self._said: tuple[str, bool] | None = None
        self._agent = LocalAgent(
            settings,
            node=socket.gethostname(),
            tags={},
            rejoins=True,
        )

    def only(self, service: str) -> "SerfDiscovery":
        """See ``lbdisc.abilities.Narrows``.

        The local agent is asked for all members all the same, and nobody else is: who lost a tag
        has to be told from who is lost.
        """
        return SerfDiscovery(self._settings, service)

    def starting_none(self) -> "SerfDiscovery":
        """See ``lbdisc.abilities.StartsPrograms``."""
        return SerfDiscovery(replace(self._settings, agent="external"))

    @property
    def lease(self) -> None:
        """See ``lbdisc.abilities.Examines``: the members find by gossip who is gone."""
        return None

    def examine(self, own: Sequence[tuple[str, str]]) -> tuple[Examination, ...]:
        """See ``lbdisc.abilities.Examines``."""
        return examinations(self._settings, own)

    def tidy(self, service: str) -> None:
        """A tag leaves no empty place."""

    def watch(self, publish: Publish, stop: Event) -> None:
        """See ``Discovery.watch``; one call at a time."""
        try:
            with self._agent.until(stop.is_set) as agent:
                self._follow(agent, publish, stop)
        except RpcStopped:
            return
        except RpcError as error:
            raise DiscoveryError(f"{error} (serf.rpc)") from error

    def _follow(self, agent: LocalAgent, publish: Publish, stop: Event) -> None:
        with connect(self._settings, stop.is_set) as client, self._joiner() as joiner:
            log, queries = client.monitor("DEBUG"), client.stream(f"query:{asking.QUERY}")
            if self._view.empty and agent.knew:
                self._view.belief.remember(agent.knew)
            else:
                self._await_join(agent, client, log, joiner, stop)
            own, fresh, news = client.name, True, ""
            while not stop.is_set():
                snapshots = self._view.update(
                    client.members(),
                    own=own,
                    fresh=fresh,
                    now=time.monotonic(),
                    contact=joiner.contact,
                )
                fresh = False
                for snapshot in snapshots:
                    publish(snapshot, revision=news, leases=self._view.leases)
                self._judge(joiner, again=bool(snapshots))
                news = self._await_news(agent, client, log, queries, stop)

    def _judge(self, joiner: Joiner, *, again: bool) -> None:
        """Raise ``DiscoveryError`` for a list that is not the truth, unless that is said already.

        ``again``: something was published, which looks as if all were well.
        """
        belief = self._view.belief
        joiner.seek(belief.sought, belief.asked)
        doubt = belief.doubt
        if again or belief.sure:
            self._said = None
        if doubt is not None and doubt.kind != self._said:
            self._said = doubt.kind
            raise DiscoveryError(str(doubt))

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
                agent.check_keys()
                raise DiscoveryError(f"{joiner.failure} (serf.encrypt, serf.join)")
            if time.monotonic() > end:
                return
            client.read(stream, SLICE / 5)

    def _await_news(
        self, agent: LocalAgent, client: SerfClient, log: int, queries: int, stop: Event
    ) -> str:
        """What the agent's log says of a member, ``""`` when it is only time to look again."""
        unsure = not self._view.belief.sure
        end = time.monotonic() + min(self._settings.poll, SLICE if unsure else math.inf)
        while not stop.is_set() and (left := end - time.monotonic()) > 0:
            agent.check()
            if unsure:
                agent.check_keys()
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
    return plain(line.rpartition(b"serf: ")[2].decode("utf-8", errors="replace").strip())
