"""What can run where something else cannot: what runs now, else what lbdisc left in its files."""

from contextlib import suppress
from pathlib import Path

from lbdisc.errors import ApplyError
from lbdisc.haproxy.planning.graft import grafted
from lbdisc.haproxy.running import Running
from lbdisc.installing import held
from lbdisc.rendered import Rendered


class Fallback:
    """Of ``running``. ``others``: the files are a stranger's, and nothing is made of them."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self.others = True

    def of(self, config: Path) -> Rendered | None:
        """It, ``None`` without any."""
        if (live := self._running.live) is not None:
            return Rendered(live.text, self._running.files)
        with suppress(OSError, ApplyError):
            return None if self.others else held(config)
        return None

    def serving(self, config: Path, candidate: Rendered) -> Rendered | None:
        """It with the endpoints of ``candidate``, ``None`` where that is not certain."""
        base = self.of(config)
        text = grafted(base.text, candidate.text) if base else None
        return Rendered(text, base.files) if base and text is not None else None
