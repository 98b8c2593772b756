"""Reloader ``command``: anything that has a check command and a reload command, as nginx has."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from lbdisc import commands, files
from lbdisc.errors import ApplyError, CheckError, LbdiscError, SettingsError
from lbdisc.hooks import Applied, Planned
from lbdisc.settings import Seconds, described
from lbdisc.values import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSettings:
    """``[command]``: how a load balancer is checked and reloaded.

    In both commands ``{file}`` stands for the file: the staged one in the check, the installed one
    in the reload. No shell is used.
    """

    check: str = described("the check, as `nginx -t -c {file}`; none if unset", "")
    reload: str = described("the reload, as `nginx -s reload`", "")
    verify: str = described("a command that passes while the load balancer runs", "")
    check_timeout: Seconds = described("a check that takes longer is killed and has failed", 10.0)
    reload_timeout: Seconds = described("a reload that takes longer is killed and failed", 30.0)


class CommandReloader:
    """Checks the staged file, renames it into place, reloads; the last good file comes back."""

    def __init__(self, settings: CommandSettings) -> None:
        if not settings.reload:
            raise SettingsError("command.reload is not set: the command that reloads is needed")
        for name in ("check", "reload", "verify"):
            if getattr(settings, name):
                commands.split(getattr(settings, name), setting=f"command.{name}")
        self._settings = settings

    def check(self, candidate: Path) -> None:
        if self._settings.check:
            timeout = self._settings.check_timeout
            outcome = self._run(self._settings.check, candidate, timeout, "check")
            if not outcome.passed:
                raise CheckError(f"command.check refuses it: {outcome.explained(timeout)}")

    def plan(self, running: str, candidate: str) -> Planned:
        """Equal texts need nothing, others a reload."""
        if running == candidate:
            return Planned(how="nothing", detail="nothing changes")
        return Planned(how="reload", detail="reload: the text changed")

    def apply(self, config: Path, candidate: str) -> Applied:
        before = config.read_bytes() if config.exists() else None
        try:
            with files.staged(config, candidate) as staged:
                self.check(staged)
                files.install(staged, config)
        except OSError as error:
            raise ApplyError(f"cannot write {config}: {error.strerror}") from error
        try:
            self._reload(config)
        except LbdiscError:
            self._restore(config, before)
            raise
        return Applied(how="reload", detail="by command.reload")

    def _reload(self, config: Path) -> None:
        timeout = self._settings.reload_timeout
        outcome = self._run(self._settings.reload, config, timeout, "reload")
        if not outcome.passed:
            raise ApplyError(f"command.reload failed: {outcome.explained(timeout)}")

    def _restore(self, config: Path, before: bytes | None) -> None:
        try:
            if before is None:
                config.unlink(missing_ok=True)
            else:
                files.write(config, before.decode())
        except OSError as error:
            raise ApplyError(f"cannot bring back {config}: {error.strerror}") from error

    def _run(self, command: str, file: Path, timeout: float, name: str) -> commands.Outcome:
        words = commands.split(command, setting=f"command.{name}")
        words = [word.replace("{file}", str(file)) for word in words]
        try:
            return commands.run(words, timeout=timeout)
        except OSError as error:
            raise SettingsError(
                f"command.{name}: cannot start {words[0]}: {error.strerror}"
            ) from error

    def verify(self, candidate: str, *, thorough: bool) -> str:
        """Only ``command.verify`` can tell; without it, a passed reload is believed."""
        if not (thorough and self._settings.verify):
            return ""
        timeout = self._settings.check_timeout
        words = commands.split(self._settings.verify, setting="command.verify")
        outcome = commands.run(words, timeout=timeout)
        return "" if outcome.passed else f"command.verify: {outcome.explained(timeout)}"

    def behind(self) -> bool:
        """The file is written before anything runs."""
        return False

    def drained(self, endpoints: Sequence[Endpoint]) -> Collection[Endpoint]:
        """Once reloaded, nobody can tell: they count as drained."""
        return endpoints

    def tend(self, config: Path) -> Applied | None:
        """Nothing needs housekeeping."""
        return None

    def close(self) -> None:
        """Nothing was started."""
