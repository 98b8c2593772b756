"""What the wheel says, in words."""

from collections.abc import Mapping
from typing import Any

from lbdisc.errors import EntryError, LbdiscError
from lbdisc.fleet_orders import WORDS
from lbdisc.showing import harmless
from lbdisc.state.overruling import Override, Term
from lbdisc.times import stamp
from lbdisc.values import Change, check_name

NAMED = 10  # changes that wait; of more the count tells


class OrderRefused(LbdiscError):
    """An order that cannot be carried out; ``answer`` says why to whom else it came from.

    That is one of ``lbdisc.fleet_orders``.
    """

    def __init__(self, message: str, answer: str) -> None:
        super().__init__(message)
        self.answer = answer


def reason(why: str) -> str:
    """An operator's words as they are kept: on one line, and not too many."""
    return harmless(" ".join(why.split()), WORDS)


def of_whom(what: str) -> tuple[str, str]:
    """The service and the name in ``SERVICE/NAME``. Raises ``LbdiscError``."""
    service, _, name = what.partition("/")
    try:
        return check_name(service, what="service"), check_name(name)
    except EntryError as error:
        raise LbdiscError(f"{error}; give SERVICE/NAME") from error


def named(override: Override) -> str:
    """Whom it concerns and how, as ``nodes/s1 drains here``."""
    how = {"drain": "drains here", "disable": "is left out here"}
    is_so = how.get(override.how, f"has weight {override.weight} here")
    return f"{override.service}/{override.name} {is_so}"


def ends(term: Term) -> str:
    """When it ends, with a space before it; nothing where somebody has to end it."""
    return "" if term.until_s is None else f" until {stamp(term.until_s)}"


def waiting_words(change: Change, how: str, why: str) -> Mapping[str, Any]:
    """What waits to be applied, ready for JSON."""
    signs = (("+", change.added), ("-", change.removed), ("~", change.changed))
    names = [f"{sign}{e.service}/{e.name}" for sign, some in signs for e in some]
    return {"count": len(names), "changes": names[:NAMED], "how": how, "why": why}
