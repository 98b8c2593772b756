"""Reloader ``command``: anything that has a check command and a reload command, as nginx has."""

import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lbdisc.builtin.command import commands
from lbdisc.environment import Passed, for_child
from lbdisc.errors import ApplyError, CheckError, LbdiscError, SettingsError
from lbdisc.fields import Seconds, SecondsOrNone, described
from lbdisc.installing import Installation
from lbdisc.planned import Applied, How, Nothing, Planned, Reload, Start
from lbdisc.rendered import Rendered
from lbdisc.values import Endpoint

PATIENCE = 1.0  # seconds that `command.drained` may take; the agent waits meanwhile
AT_ONCE = 8  # endpoints that are asked for together


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSettings:
    """``[command]``: how a load balancer is checked and reloaded.

    In check and reload ``{file}`` stands for the main file: the staged one in the check, the
    installed one in the reload. No shell is used.
    """

    check: str = described("the check, as `nginx -t -q -c {file}`; none if unset", "")
    reload: str = described("the reload, as `nginx -s reload -c {file}`", "")
    verify: str = described(
        "a command that passes while the load balancer runs, asked every second", ""
    )
    drained: str = described(
        "a command that passes when a draining endpoint has nothing left, within 1 s; it is given"
        " `{service}`, `{name}`, `{address}` and `{port}`",
        "",
    )
    drain_time: SecondsOrNone = described(
        "how long after the reload a draining endpoint counts as drained; before `drained` is"
        " asked, if both are set",
        0.0,
    )
    pass_environment: Passed = described(
        "the variables `LBDISC_…` that these commands get; none if unset, as there are secrets"
        " among them",
        (),
    )
    check_timeout: Seconds = described("a check that takes longer is killed and has failed", 10.0)
    reload_timeout: Seconds = described("a reload that takes longer is killed and failed", 30.0)


class CommandReloader:
    """Checks the staged files, renames them into place, reloads; the last good ones come back."""

    def __init__(self, settings: CommandSettings) -> None:
        if not settings.reload:
            raise SettingsError("command.reload is not set: the command that reloads is needed")
        for name in ("check", "reload", "verify", "drained"):
            if getattr(settings, name):
                commands.split(getattr(settings, name), setting=f"command.{name}")
        self._settings = settings
        self._differs = ""  # what `verify` said at the last look
        self._draining: dict[Endpoint, float] = {}  # since when

    def check(self, candidate: Path) -> None:
        if self._settings.check:
            timeout = self._settings.check_timeout
            outcome = self._run("check", timeout, {"file": candidate})
            if not outcome.passed:
                message = f"command.check refuses it: {_said(outcome, timeout)}"
                raise CheckError(message, said=outcome.output)

    def plan(self, config: Path, running: Rendered | None, candidate: Rendered) -> Planned:
        """Equal files need nothing while ``command.verify`` passes, others a reload."""
        return Planned(
            config=config, candidate=candidate, how=self._way(config, running, candidate)
        )

    def _way(self, config: Path, running: Rendered | None, candidate: Rendered) -> How:
        if running is None and config.exists():
            return Reload("what runs is not known")
        if running is None:
            return Start("nothing is known to run yet")
        if self._differs:
            return Reload(self._differs)
        if running == candidate:
            return Nothing()
        return Reload(candidate.changed_file(running) or "the text changed")

    def apply(self, planned: Planned) -> Applied:
        with Installation(planned.config, planned.candidate) as new:
            new.check(self.check)
            new.install()
            try:
                self._reload(planned.config)
            except LbdiscError:
                if new.before is None:
                    new.keep()  # the load balancer may never have run: now it can be started
                raise
            new.keep()
        self._differs = ""
        how = Reload(planned.how.detail)
        check_ms = new.check_ms if self._settings.check else None
        return Applied(how=how, detail="by command.reload", check_ms=check_ms)

    def _reload(self, config: Path) -> None:
        timeout = self._settings.reload_timeout
        outcome = self._run("reload", timeout, {"file": config})
        if not outcome.passed:
            raise ApplyError(f"command.reload failed: {_said(outcome, timeout)}")

    def _run(self, name: str, timeout: float, values: dict[str, object]) -> commands.Outcome:
        words = commands.split(getattr(self._settings, name), setting=f"command.{name}")
        for key, value in values.items():
            words = [word.replace(f"{{{key}}}", str(value)) for word in words]
        try:
            environment = for_child(self._settings.pass_environment)
            return commands.run(words, timeout=timeout, environment=environment)
        except OSError as error:
            raise SettingsError(
                f"command.{name}: cannot start {words[0]}: {error.strerror}"
            ) from error

    def verify(self, running: Rendered, *, thorough: bool) -> str:
        """Only ``command.verify`` can tell; without it, a passed reload is believed."""
        self._differs = self._lifeless() if self._settings.verify else ""
        return self._differs

    def _lifeless(self) -> str:
        timeout = self._settings.check_timeout
        try:
            outcome = self._run("verify", timeout, {})
        except SettingsError as error:
            return str(error)
        return "" if outcome.passed else f"command.verify: {outcome.explained(timeout)}"

    def drained(self, endpoints: Sequence[Endpoint]) -> Collection[Endpoint]:
        """Those for which ``drain_time`` is over and ``command.drained`` passes; none without."""
        settings, now = self._settings, time.monotonic()
        if not (settings.drained or settings.drain_time):
            return ()
        self._draining = {e: self._draining.get(e, now) for e in endpoints}
        ripe = [e for e, since in self._draining.items() if now >= since + settings.drain_time]
        if not settings.drained:
            return ripe
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return [e for e, free in zip(ripe, pool.map(self._is_free, ripe), strict=True) if free]

    def _is_free(self, endpoint: Endpoint) -> bool:
        names = ("service", "name", "address", "port")
        values: dict[str, object] = {name: getattr(endpoint, name) for name in names}
        return self._run("drained", PATIENCE, values).passed

    def close(self) -> None:
        """Nothing was started."""


def _said(outcome: commands.Outcome, timeout: float) -> str:
    """Two lines: nginx, for one, tells the cause before it tells that the test failed."""
    return outcome.explained(timeout, lines=2)
