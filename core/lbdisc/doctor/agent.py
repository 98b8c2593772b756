"""What the agent says of itself, if one runs, with what to do about each of its troubles."""

import time
from collections.abc import Iterator, Mapping

from lbdisc.errors import LbdiscError
from lbdisc.examining import Diagnosis, fail, ok, warn
from lbdisc.settings.tables import CoreSettings
from lbdisc.state.judging import CHECKS, judge
from lbdisc.state.liveness import liveness
from lbdisc.state.store import Store

REMEDIES: Mapping[str, str] = {
    "agent": "start `lbdisc run` (systemctl start lbdisc), and see its log",
    "step": "see `lbdisc plan` for what waits, `lbdisc config check` for what is refused",
    "servers": "see `lbdisc status` for the words of each check; reach one by hand from here",
    "registry": "see the registry's members above; what was known last is served on",
    "guard": "see `lbdisc guard`; `lbdisc guard release SERVICE/NAME` lets one go",
    "steered": "`lbdisc resume`, when what it was for is over",
    "overruled": "`lbdisc undo SERVICE/NAME` ends it, `lbdisc undo --all` all of them",
    "skipped": "mend the entry in the registry; `lbdisc nodes` names all that are skipped",
    "flapping": "see the node's log: its check fails and passes; raise register.fall or rise",
    "empty": "see `lbdisc nodes`, and the setting services",
    "settings": "see `lbdisc config check`, then send SIGHUP again",
    "files": "mend the file and save it again",
    "plugins": "see `lbdisc plugins` and the log; restart lbdisc",
    "announced": "see the registry's rights; set agent.announce = false to do without",
    "workers": "see the ages in `lbdisc status`; hard-stop-after in the template bounds them",
}
_FATAL = ("agent", "step", "servers")


def agent(core: CoreSettings) -> Iterator[Diagnosis]:
    """Its verdict, reason by reason; one that does not run is a warning."""
    store = Store(core.state_dir)
    said = store.status() or {}
    if not said and store.holder is None:
        yield warn(f"no agent has used {store.folder} yet", REMEDIES["agent"])
        return
    live = liveness(store, said)
    try:
        found = judge(said, live, services=core.services, now=time.monotonic(), checks=CHECKS)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise LbdiscError(f"{store.status_file} is of another version of lbdisc") from error
    if not found.reasons:
        yield ok(found.summary)
    for reason in found.reasons:
        made = fail if reason.check in _FATAL and not _is_stopped(live.word) else warn
        yield made(reason.text, REMEDIES[reason.check])


def _is_stopped(word: str) -> bool:
    return word == "not running"
