"""What the other agents make of an order to the fleet: waited for, and told."""

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lbdisc.orders import ANSWERS, AgentAnswer, OrderReply, order

WAIT = 5.0  # seconds for the answers of all
EVERY = 0.1  # seconds between two looks


def await_answers(state_dir: Path, id: str, *, wait: float = WAIT) -> OrderReply:
    """What the agents have made of the order ``id`` when all have answered, or time is over.

    Raises ``LbdiscError`` where the agent of ``state_dir`` does not tell.
    """
    end, last = time.monotonic() + wait, OrderReply(False, "")
    while True:
        found = order(state_dir, ANSWERS, what=id)
        if not found.done:  # it is over by now
            return last
        last = found
        silent = any(one.answer == "silent" and not one.why for one in found.agents)
        if (found.told and not silent) or time.monotonic() >= end:
            return found
        time.sleep(EVERY)


def all_took(found: OrderReply) -> bool:
    """Whether every agent that is one has taken the order."""
    return all(one.answer in ("taken", "passed over") for one in found.agents)


def lines(found: OrderReply) -> Iterator[str]:
    """One for each agent."""
    if not found.agents:
        yield "no other agent in the fleet"
    for one in found.agents:
        yield f"{one.agent}: {_words(one)}"
    if found.text:
        yield found.text
    if not found.told:
        yield "the registry does not show the order yet: it is told for 10 min"


def _words(one: AgentAnswer) -> str:
    match one.answer:
        case "taken":
            return f"taken, {one.why}" if one.why else "taken"
        case "silent" if one.why:
            return f"no answer: {one.why}"
        case "silent":
            return f"no answer within {WAIT:g} s: it hears of it if it is back within 10 min"
    return f"{one.answer}: {one.why}"


def tell(reply: OrderReply, found: OrderReply, *, as_json: bool) -> None:
    """Write the answer of the agent that was asked, and those of the others."""
    from lbdisc.cli.common import write_json

    if as_json:
        agents: list[dict[str, Any]] = [asdict(one) for one in found.agents]
        write_json({"done": True, "text": reply.text, "order": reply.order, "agents": agents})
    else:
        sys.stdout.write("".join(f"{line}\n" for line in (reply.text, *lines(found))))
