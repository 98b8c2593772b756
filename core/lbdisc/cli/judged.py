"""What the registry says now, judged by the guard, for the commands that change nothing."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lbdisc.plugins import Plugins
    from lbdisc.settings.loading import Settings
    from lbdisc.values import Snapshot


def read_judged(plugins: "Plugins", settings: "Settings") -> "tuple[Snapshot, Snapshot]":
    """What the registry lists, or listed last, and what an agent would balance.

    What is held, and that the registry is away, is said on standard error. Raises ``LbdiscError``.
    """
    from lbdisc.agent.guarding import balanced, held_of
    from lbdisc.agent.store import Store
    from lbdisc.cli.reading import read_or_last

    core = settings.core
    listed = read_or_last(plugins, settings)
    found = balanced(Store(core.state_dir), core, listed)
    if held := held_of(*found):
        sys.stderr.write(f"{held}\n")
    return listed, found[0].snapshot.only(core.services)
