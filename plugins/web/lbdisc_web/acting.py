"""What may be done on the page: orders to the agent, for who gave the token."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lbdisc.errors import LbdiscError, shown
from lbdisc.orders import OrderReply, order

LONGEST = 4096  # bytes of what is asked
WORDS = 200  # characters of a reason
ASKS = ("pause", "resume", "drain", "disable", "weight", "undo")
_PARTS = ("ask", "what", "why", "for_s", "weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOrder:
    """``ask`` is one of ``ASKS``; ``why`` is never empty. The agent judges the rest."""

    ask: str
    why: str
    what: str = ""
    for_s: float | None = None
    weight: int | None = None

    @classmethod
    def read(cls, body: bytes) -> Self:
        """From JSON. Raises ``ValueError`` with what is wrong, in one line."""
        try:
            found = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise ValueError("an action is a JSON object") from error
        if not isinstance(found, dict):
            raise ValueError("an action is a JSON object")
        if unknown := sorted(set(found) - set(_PARTS)):
            raise ValueError(f"an action has no {shown(unknown[0])} (known: {', '.join(_PARTS)})")
        if found.get("ask") not in ASKS:
            raise ValueError(f"no action {shown(found.get('ask'))} (known: {', '.join(ASKS)})")
        _check(found)
        return cls(**found)

    def give(self, state_dir: Path, asker: str) -> OrderReply:
        """Waits for the agent's answer. Raises ``LbdiscError`` where none comes.

        ``asker`` is the address that it was asked from: whose the token is nobody knows.
        """
        why = f"{self.why[: WORDS - len(asker) - 20]} (on the page, {asker})"
        return order(
            state_dir,
            self.ask,
            what=self.what,
            why=why,
            for_s=self.for_s,
            weight=self.weight,
        )


def _check(found: dict[str, Any]) -> None:
    why, what = found.get("why"), found.get("what", "")
    if not isinstance(why, str) or not why.strip():
        raise ValueError("an action needs a reason: why")
    if len(why) > WORDS:
        raise ValueError(f"why has {len(why)} characters: at most {WORDS}")
    if not isinstance(what, str):
        raise ValueError("what is SERVICE/NAME")
    for name, kinds in (("for_s", (int, float)), ("weight", (int,))):
        value = found.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, kinds)):
            raise ValueError(f"{name} {shown(value)} is to be a number")


def answered(asked: PageOrder, state_dir: Path, asker: str) -> tuple[int, str]:
    """The status of the answer, and what the agent said, in one line."""
    try:
        reply = asked.give(state_dir, asker)
    except LbdiscError as error:
        return 503, str(error)
    return (200 if reply.done else 409), reply.text
