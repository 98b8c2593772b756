"""What the state folder says of the agent: its status, whether to believe it, and the verdict."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lbdisc.errors import LbdiscError
from lbdisc.state.judging import Judgement, judge
from lbdisc.state.liveness import Liveness, liveness
from lbdisc.state.store import Store


@dataclass(frozen=True, slots=True)
class AgentSaid:
    """``status`` is the agent's own word, ``{}`` where it has none that can be read."""

    live: Liveness
    judgement: Judgement
    status: Mapping[str, Any] = field(default_factory=dict)


def told(state_dir: Path, services: Sequence[str]) -> AgentSaid:
    """As it is now; raises nothing: that it cannot be read is a verdict as well."""
    store = Store(state_dir)
    try:
        status = store.status() or {}
        live = liveness(store, status)
        verdict = judge(status, live, services=services, now=time.monotonic())
    except LbdiscError as error:
        return _unknown(str(error))
    except (KeyError, TypeError, AttributeError, ValueError):
        return _unknown(f"{store.status_file} is of another version of lbdisc")
    return AgentSaid(live, verdict, status)


def _unknown(why: str) -> AgentSaid:
    live = Liveness("unknown", why)
    return AgentSaid(live, judge({}, live, services=(), now=0.0))
