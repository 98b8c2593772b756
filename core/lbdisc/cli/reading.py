"""What is to be rendered: what the registry says, or while it is away what was known last."""

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lbdisc.plugins import Plugins
    from lbdisc.settings.loading import Settings
    from lbdisc.values import Snapshot


def read_or_last(plugins: "Plugins", settings: "Settings") -> "Snapshot":
    """The registry's state, else the agent's last one, as ``lbdisc run`` would begin with.

    Standard error says which, and why. Raises ``LbdiscError`` where nothing is known.
    """
    from lbdisc.cli.nodes import read_once
    from lbdisc.errors import DiscoveryError, SettingsError
    from lbdisc.screening.screen import Screening
    from lbdisc.settings import choosing
    from lbdisc.state.store import Store
    from lbdisc.times import stamp

    choosing.discovery(plugins, settings)  # settings that never work are no registry that is away
    try:
        return read_once(plugins, settings)
    except (DiscoveryError, SettingsError) as error:
        store = Store(settings.core.state_dir)
        known = store.last_snapshot()
        if known is None:
            raise
        when = stamp(min(store.snapshot_file.stat().st_mtime, time.time()))
        sys.stderr.write(
            f"lbdisc: the registry {settings.core.backend} cannot be asked ({error}): this is by "
            f"the last known state, {len(known)} endpoints kept at {when}\n"
        )
        return Screening(settings.core.endpoints).once(known)
