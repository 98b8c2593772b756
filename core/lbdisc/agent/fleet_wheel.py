"""The wheel of a fleet: orders that are given here and told to all, and those of others, taken.

An order travels in the entry of the agent it was given to, for ten minutes or until it ends. Every
other agent takes it into its own state, once, and goes on with it whatever becomes of the first.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

from lbdisc import events, fleet_orders
from lbdisc.agent import fleet_merging as merging
from lbdisc.agent.fleet_giving import FleetGiving
from lbdisc.agent.fleet_reading import FleetReading, TakingPace
from lbdisc.agent.presence import Presence
from lbdisc.agent.steering import Steering
from lbdisc.agent.steering_words import OrderRefused
from lbdisc.errors import LbdiscError
from lbdisc.fleet_orders import FleetOrder, concerns
from lbdisc.handshake import Announcement
from lbdisc.listening.listeners import Tell
from lbdisc.orders import AgentAnswer, OperatorOrder, OrderReply
from lbdisc.state.fleet_memory import OWN, HeardOrder
from lbdisc.values import Problem, Snapshot

NAMED = 100  # agents in an answer


class FleetWheel:
    """For the agent's own thread. ``presence`` is what has the agent's entry now."""

    def __init__(
        self,
        steering: Steering,
        tell: Tell,
        presence: Callable[[], Presence],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steering = steering
        self._tell = tell
        self._presence = presence
        self._on = False
        self._reading = FleetReading()
        self._pace = TakingPace(clock)
        self._giving = FleetGiving(steering, presence)
        self._asked: dict[str, frozenset[str]] = {}  # who was there when an order was given

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with orders of others; nothing where none are taken."""
        return self._reading.problems if self._on else ()

    def turn(self, published: Snapshot | None, *, on: bool) -> bool:
        """Take what is new in what was ``published``, if that is ``on``; tell what is to be told.

        Whether ``problems`` may be others now.
        """
        before, self._on = self._on, on and self._presence().announces
        news = self._reading.look(published) or self._on != before
        if news or self._pace.waits:
            self._take_all()
        self._say()
        return news

    def give(self, order: OperatorOrder, by: str) -> OrderReply:
        """Do it here, and ask all others to."""
        try:
            if order.ask in fleet_orders.ASKS and self._presence().announces and not self._on:
                raise LbdiscError(
                    "agent.fleet_orders is off here, so no fleet is asked: nothing was done;"
                    " without --fleet it is for here alone"
                )
            made = self._giving.made(order, by, self._reading.words)
            given = self._giving.beside(made)
            text, answer = self._done_here(order, f"{by}, fleet")
        except LbdiscError as error:
            return OrderReply(False, str(error))
        self._steering.remember(self._steering.fleet.giving(given))
        self._asked = {id: self._asked.get(id, frozenset()) for id in (g.order.id for g in given)}
        there = (one.agent for one in self._answers(made) if one.answer != "passed over")
        self._asked[made.id] = frozenset(there)
        self._remember(OWN, made, answer)
        self._tell(
            events.FleetOrderGiven(
                order=made.id,
                ask=made.ask,
                what=made.what,
                weight=made.weight,
                for_s=made.for_s,
                by=by,
                why=made.why,
            )
        )
        self._say()
        return OrderReply(True, text, order=made.id)

    def _done_here(self, order: OperatorOrder, by: str) -> tuple[str, str]:
        """What was done, and the answer that stands for it. Raises ``LbdiscError``."""
        try:
            return self._steering.do(order, by), fleet_orders.TAKEN
        except OrderRefused as error:
            if error.answer != fleet_orders.NOTHING:
                raise
            return str(error), error.answer  # there may be something to end elsewhere

    def answers(self, id: str) -> OrderReply:
        """What the other agents have made of the order ``id``."""
        given = next((g.order for g in self._steering.fleet.given if g.order.id == id), None)
        if given is None:
            return OrderReply(False, "no such order is on its way to the fleet")
        there = list(self._answers(given))
        ours = {w.agent.name for w in self._reading.words if any(o.id == id for o in w.orders)}
        gone = self._asked.get(id, frozenset()) - ours - {one.agent for one in there}
        silent = [AgentAnswer(name, "silent") for name in gone]
        found = sorted([*there, *silent], key=lambda one: one.agent)
        more = f"and {len(found) - NAMED} more agents" if len(found) > NAMED else ""
        return OrderReply(True, more, order=id, agents=tuple(found[:NAMED]), told=bool(ours))

    def _answers(self, given: FleetOrder) -> Iterator[AgentAnswer]:
        mine = self._presence().announcement
        for word in self._reading.words:
            agent = word.agent
            is_mine = agent.name == mine.name or any(o.id == given.id for o in word.orders)
            if is_mine or not concerns(given, mine, agent):
                continue
            if (answer := word.answers.get(given.id)) is not None:
                yield AgentAnswer(agent.name, *fleet_orders.said(answer))
            elif agent.digest is None:
                yield AgentAnswer(agent.name, "passed over", "nothing tells that it is an agent")
            elif word.takes is False:
                yield AgentAnswer(agent.name, *fleet_orders.said(fleet_orders.OFF))
            else:
                older = word.takes is None
                yield AgentAnswer(agent.name, "silent", "an older version" if older else "")

    def _take_all(self) -> None:
        self._pace.waits = False
        for word, order in merging.unheard(self._reading.words, self._steering.fleet):
            agent = word.agent
            if self._pace.passes(agent.name):
                answer, did = self._judged(agent, order)
                self._remember(agent.name, order, answer)
                self._tell_taken(agent.name, order, answer, did)
        signs = {heard.sign for heard in self._steering.fleet.heard}
        answer = fleet_orders.STRANGE if self._on else fleet_orders.OFF
        for name, id in merging.strange_ones(self._reading.words):
            if (name, id) not in signs and self._pace.passes(name):
                self._remember_as(
                    HeardOrder(agent=name, id=id, turn=0, ask="", what="", answer=answer)
                )

    def _remember(self, agent: str, order: FleetOrder, answer: str) -> None:
        heard = HeardOrder(
            agent=agent,
            id=order.id,
            turn=order.turn,
            ask=order.ask,
            what=order.what,
            answer=answer,
        )
        self._remember_as(heard)

    def _remember_as(self, heard: HeardOrder) -> None:
        self._steering.remember(self._steering.fleet.having(heard, self._reading.visible))

    def _judged(self, asking: Announcement, order: FleetOrder) -> tuple[str, str]:
        """The answer to an order of another agent, which is carried out; and what was done."""
        memory = self._steering.fleet
        if not self._on:
            return fleet_orders.OFF, "agent.fleet_orders is off"
        if not concerns(order, asking, self._presence().own):
            return fleet_orders.NOTHING, "it is about what is not balanced here"
        if merging.overtaken(order, memory):
            return fleet_orders.NOTHING, "a later order has been carried out before"
        asked = OperatorOrder(
            ask=order.ask,
            what=order.what,
            why=order.why,
            for_s=order.for_s,
            weight=order.weight,
        )
        by = f"{order.by} at {asking.name}, fleet"
        try:
            did = self._steering.do(asked, by, spare=merging.spared(order, memory))
        except OrderRefused as error:
            return error.answer, str(error)
        except LbdiscError as error:
            return fleet_orders.FAILED, str(error)
        return fleet_orders.TAKEN, did

    def _tell_taken(self, agent: str, order: FleetOrder, answer: str, did: str) -> None:
        said: dict[str, Any] = {
            "order": order.id,
            "agent": agent,
            "ask": order.ask,
            "what": order.what,
            "by": order.by,
            "why": order.why,
        }
        if answer in fleet_orders.DONE:
            said |= {"weight": order.weight, "for_s": order.for_s, "did": did}
            self._tell(events.FleetOrderTaken(**said))
        else:
            self._tell(events.FleetOrderRefused(**said, error=did))

    def _say(self) -> None:
        """Have the entry say what is published now; costs nothing where that is the same."""
        orders = self._giving.orders() if self._on else ()
        answers = [*self._own_answers()] if self._on else []
        self._presence().tell_wheel(
            fleet_orders.tags(takes=self._on, orders=orders, answers=answers)
        )

    def _own_answers(self) -> Iterator[tuple[str, str]]:
        """Those to orders that others publish now, the oldest first."""
        for heard in self._steering.fleet.heard:
            if heard.agent != OWN and heard.sign in self._reading.visible:
                yield heard.id, heard.answer
