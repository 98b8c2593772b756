"""Orders to the fleet that were given here: made, given room, and told as they are now."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from lbdisc import fleet_orders
from lbdisc.agent.fleet_merging import next_turn
from lbdisc.agent.presence import Presence
from lbdisc.agent.steering import Steering
from lbdisc.agent.steering_words import reason
from lbdisc.errors import EntryError, LbdiscError
from lbdisc.fleet_orders import FleetOrder, FleetWord, covers
from lbdisc.orders import OperatorOrder
from lbdisc.state.fleet_memory import GivenOrder

SOON = 60.0  # seconds after which an order gives way to a newer one


class FleetGiving:
    """``steering`` keeps what was given, ``presence`` tells how much room there is."""

    def __init__(self, steering: Steering, presence: Callable[[], Presence]) -> None:
        self._steering = steering
        self._presence = presence

    def made(self, order: OperatorOrder, by: str, words: Iterable[FleetWord]) -> FleetOrder:
        """The order for others, whose ``words`` are known. Raises ``LbdiscError``."""
        if order.ask not in fleet_orders.ASKS:
            raise LbdiscError(f"{order.ask} is for one agent, and not for a fleet")
        if why := self._presence().not_announced:
            raise LbdiscError(
                f"the registry does not list this agent ({why}), so no fleet is asked: nothing was"
                " done; without --fleet it is for here alone"
            )
        try:
            return FleetOrder(
                id=fleet_orders.new_id(),
                turn=next_turn(words, self._steering.fleet),
                ask=order.ask,
                what=order.what,
                for_s=order.for_s,
                weight=order.weight,
                by=by,
                why=reason(order.why),
            )
        except EntryError as error:
            raise LbdiscError(str(error)) from error

    def beside(self, made: FleetOrder) -> tuple[GivenOrder, ...]:
        """All that is told with it, without what it covers; the oldest give way.

        Raises ``LbdiscError`` where there is no room.
        """
        now_s = self._steering.now_s
        new = GivenOrder(order=made, since_s=now_s)
        given = [g for g in self._steering.fleet.given if not covers(made, g.order)]
        while given and not self._fit([*given, new]) and now_s - given[0].since_s >= SOON:
            del given[0]
        if self._fit([*given, new]):
            return *given, new
        if given and self._fit([new]):
            raise LbdiscError(
                "the registry has no room for this order to the fleet beside those of the last"
                f" minute: wait {max(1, SOON - (now_s - given[0].since_s)):.0f} s; nothing was done"
            )
        raise LbdiscError(
            "the registry has no room for this order to the fleet: give a shorter --why;"
            " nothing was done"
        )

    def _fit(self, given: Sequence[GivenOrder]) -> bool:
        orders = [each.order for each in given]
        if len(orders) > fleet_orders.MOST:
            return False
        if any(len(order.tag[1].encode()) > fleet_orders.MOST_BYTES for order in orders):
            return False
        answers = [("A" * 6, fleet_orders.TAKEN)] * fleet_orders.ANSWERS
        tags = fleet_orders.tags(takes=True, orders=orders, answers=answers)
        return self._presence().has_room(tags)

    def orders(self) -> tuple[FleetOrder, ...]:
        """Those that are told now; what is over is forgotten."""
        now_s, memory = self._steering.now_s, self._steering.fleet
        left = tuple(given for given in memory.given if not given.is_over(now_s))
        if left != memory.given:
            self._steering.remember(memory.giving(left))
        return tuple(as_now(given, now_s) for given in left)


def as_now(given: GivenOrder, now_s: float) -> FleetOrder:
    """The order as it is to be told: how long it still holds, in steps, so that it changes seldom.

    Who hears of it late has it end up to a minute late, and never early.
    """
    if given.order.for_s is None:
        return given.order
    steps = max(0.0, now_s - given.since_s) // fleet_orders.STEP
    return replace(given.order, for_s=max(1.0, given.order.for_s - steps * fleet_orders.STEP))
