"""What an apply would do: nothing, changes at run time, a reload or a start, and why."""

import time
from dataclasses import replace
from pathlib import Path

from lbdisc.haproxy.adoption import NotAdopted
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.lost_socket import lost_socket
from lbdisc.haproxy.parts import Parts
from lbdisc.haproxy.reaching import why_none
from lbdisc.haproxy.steps import Steps, Way
from lbdisc.haproxy.steps import how as steps_how
from lbdisc.installing import is_written
from lbdisc.planned import How, Nothing, Reload, Start, Write
from lbdisc.rendered import Rendered


class Deciding:
    """Asks HAProxy and changes nothing, but what is remembered of it."""

    def __init__(self, parts: Parts) -> None:
        self._settings = parts.settings
        self._memory = parts.memory
        self._workers = parts.workers
        self._beside = parts.beside
        self._running = parts.running
        self._around = parts.around
        self._follower = parts.follower
        self._fallback = parts.fallback

    def plan(self, config: Path, candidate: Rendered) -> Steps:
        """Runtime commands, or a reload and why, from what the worker that serves really runs."""
        self._memory.config = config
        return self._steps(config, candidate, self._way(config, candidate))

    def instead(self, config: Path, candidate: Rendered) -> Steps | None:
        """What runs with the endpoints of ``candidate``: see ``lbdisc.abilities.StandsIn``."""
        live, rendered = self._running.live, self._fallback.serving(config, candidate)
        if rendered is None:
            return None
        if self._workers.died or live is None:
            return self.plan(config, rendered)
        if rendered == candidate and not self._around.changed(config):
            return None
        return self._steps(config, rendered, self._way_within(live, config, rendered))

    def _steps(self, config: Path, candidate: Rendered, found: Way) -> Steps:
        live = self._running.live
        return Steps(
            config=config,
            candidate=candidate,
            how=found.how,
            plan=found.plan,
            ours=found.ours,
            beside=found.beside,
            text=live.text if live else "",
            in_maintenance=live.in_maintenance if live else None,
        )

    def _way(self, config: Path, candidate: Rendered) -> Way:
        if self._workers.died:
            return Way(Start(self._workers.died))
        if self._running.live is None:
            self._around.learn()
            if how := self._take_over(config, candidate):
                return Way(how)
        assert self._running.live is not None
        if why := self._around.changed(config):
            return Way(Reload(why))
        return self._way_within(self._running.live, config, candidate)

    def _way_within(self, live: Live, config: Path, candidate: Rendered) -> Way:
        """Beside the files that ``live`` has read."""
        now = Rendered(live.text, self._running.files)
        ours, beside = self._beside.ours(config, now, candidate), self._beside.changes()
        files = ours.and_then(beside)
        if why := self._memory.differs or files.reason:
            return Way(Reload(why))
        if (now != candidate or files.steps) and (why := self._barred(live)):
            return Way(Reload(why))
        found = live.plan(candidate.text, max_changes=self._settings.max_changes)
        way = Way(steps_how(found, files), found, ours, beside)
        if isinstance(way.how, Nothing) and not (
            self._follower.behind or is_written(config, candidate)
        ):
            return replace(way, how=Write())
        return way

    def _take_over(self, config: Path, candidate: Rendered) -> How | None:
        """Learn what runs, if that is certain; else what makes it so."""
        if self._memory.applied:
            return Reload("what runs is not known")
        try:
            serves = self._running.adopt(config, candidate)
        except NotAdopted as error:
            return Reload(str(error))
        if self._running.live is not None:
            self._around.take(self._running.live.around)
        return None if serves else Start(f"no HAProxy answers at {self._settings.master_socket}")

    def _barred(self, live: Live) -> str:
        """Why no change whatever is possible at run time now, ``""`` if some are."""
        if not self._settings.runtime:
            return "haproxy.runtime is off"
        if live.text and not live.socket:
            return why_none(live.model) or "no 'stats socket' of level admin answers"
        if path := lost_socket(live.socket):
            return f"the runtime socket {path} is gone"
        if time.monotonic() < self._memory.cools_down_until:
            return "HAProxy refused a change at run time less than a minute ago"
        return ""
