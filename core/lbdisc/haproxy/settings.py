"""``[haproxy]``: how lbdisc lives with HAProxy."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from lbdisc.fields import Seconds, SecondsOrNone, described


@dataclass(frozen=True, slots=True, kw_only=True)
class HaproxySettings:
    """``[haproxy]``: how lbdisc lives with HAProxy."""

    mode: Literal["managed", "attached"] = described(
        "managed: lbdisc starts it; attached: a supervisor runs it as `haproxy -W -S …`", "managed"
    )
    binary: str = described("the program", "haproxy")
    master_socket: str = described("the master CLI (`-S`)", "{state_dir}/master.sock")
    reload_limit: Seconds = described("the longest that a reload may take", 30.0)
    runtime: bool = described("change servers at run time where that is possible", True)
    max_changes: Annotated[int, Field(ge=0)] = described(
        "servers that may change at once at run time; of more, a reload costs less", 200
    )
    settle_after: SecondsOrNone = described(
        "before HAProxy 3.0 servers added at run time never reuse connections: one reload follows"
        " after this much quiet, or up to three times as much: each of a fleet has its own time; 0"
        " for never",
        5.0,
    )
    on_stop: Literal["stop", "leave"] = described(
        "what a managed HAProxy does when lbdisc stops: stop, or leave it running", "stop"
    )
