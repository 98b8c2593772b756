"""``[haproxy]``: how lbdisc lives with HAProxy."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from lbdisc.environment import Passed
from lbdisc.fields import NotEmpty, Seconds, SecondsOrNone, described


@dataclass(frozen=True, slots=True, kw_only=True)
class HaproxySettings:
    """``[haproxy]``: how lbdisc lives with HAProxy."""

    mode: Literal["managed", "attached"] = described(
        "managed: lbdisc starts it; attached: a supervisor runs it as `haproxy -W -S …`", "managed"
    )
    binary: NotEmpty = described("the program", "haproxy")
    files: tuple[NotEmpty, ...] = described(
        "all that HAProxy is given with `-f`, files and folders in its order, `output` or its"
        " folder among them; empty for `output` alone, or what the command line of a running"
        " HAProxy has",
        (),
    )
    master_socket: NotEmpty = described("the master CLI (`-S`)", "{state_dir}/master.sock")
    worker_file: NotEmpty = described(
        "what is noted of the worker, so that a restart of lbdisc changes nothing",
        "{state_dir}/worker.json",
    )
    reload_limit: Seconds = described("the longest that a reload may take", 30.0)
    pass_environment: Passed = described(
        "the variables `LBDISC_…` that a managed HAProxy gets; none if unset, as its CLI tells its"
        " environment (`show env`)",
        (),
    )
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
    settle_limit: SecondsOrNone = described(
        "how long that reload waits at most while the worker has tunnels (WebSockets, TCP) or"
        " requests that last; 0 for not at all",
        600.0,
    )
    leave_limit: SecondsOrNone = described(
        "how long a server whose maintenance would cut sessions waits for them at weight 0 when it"
        " leaves, before a reload takes it out; 0 for ever",
        600.0,
    )
    grace: SecondsOrNone = described(
        "how long a HAProxy that is about to stop serves on after its readiness has failed; an"
        " attached one is about to whenever lbdisc stops",
        0.0,
    )
    on_stop: Literal["leave", "stop"] = described(
        "what SIGTERM to lbdisc means for a managed HAProxy: leave it serving, for the next lbdisc"
        " to take over, or stop it too, as SIGINT and `lbdisc stop` always do; as process 1 of a"
        " container lbdisc always stops it",
        "leave",
    )
