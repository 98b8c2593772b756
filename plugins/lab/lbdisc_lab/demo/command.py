"""Running the demo: its folder, its signals, what it prints and its exit code."""

import json
import platform
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from lbdisc import __version__
from lbdisc.errors import LbdiscError, SettingsError
from lbdisc_lab.demo import registries
from lbdisc_lab.demo.evidence import DemoReport, Seen
from lbdisc_lab.demo.lab import Lab
from lbdisc_lab.demo.play import Cancelled, Play, Stop
from lbdisc_lab.demo.screen import LiveScreen, PlainScreen, summary, verdict

TAIL = 8  # lines of each log that are shown after a failure
INTERRUPTED = 130  # exit code, as of a shell after SIGINT


def run(
    *,
    backend: str,
    once: bool,
    rate: float,
    port: int | None,
    keep: Path | None,
    json_file: Path | None,
    deadline: float,
) -> int:
    """Play the demo; returns its exit code. Raises ``SettingsError`` for what it cannot start with.

    0: every step was seen and no request was lost; 1: something is missing; 130: interrupted.
    """
    stop = Stop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, lambda *_: stop.ask())
    to_output = json_file == Path("-")
    console = Console(stderr=to_output, highlight=False)
    folder = _folder(keep)
    kept = keep is not None
    try:
        performance = _Performance(folder, console, stop, backend=backend, port=port)
        report = performance.run(rate=rate, deadline=deadline, once=once)
        if not report.ok:
            kept = True
            performance.show_logs()
        _tell(report, console, json_file)
    except Cancelled:
        console.print("interrupted; everything is stopped")
        return INTERRUPTED
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)
    return 0 if report.ok else 1


class _Performance:
    """One run of the demo in ``folder``, from the registry's start to the last process's end."""

    def __init__(
        self, folder: Path, console: Console, stop: Stop, *, backend: str, port: int | None
    ) -> None:
        self._console = console
        self._stop = stop
        self._tails: dict[Path, list[str]] = {}
        registry = registries.start(backend, folder / "registry")
        try:
            self.lab = Lab(folder, registry, port=port)
        except BaseException:
            registry.stop()
            raise

    def run(self, *, rate: float, deadline: float, once: bool) -> DemoReport:
        """Play, and end everything. Raises ``Cancelled``."""
        screen = (LiveScreen if self._console.is_terminal else PlainScreen)(self._console)
        play = Play(self.lab, screen, self._stop, rate=rate, deadline=deadline)
        seen: list[Seen] = []
        missing: list[str] = []
        try:
            with screen:
                self._introduce(screen)
                for step in play.steps():
                    seen.append(step)
                if not once:
                    self._invite(screen)
                    play.go_on()
        except LbdiscError as error:
            missing.append(str(error))
        finally:
            self._tails = self.lab.tails(TAIL)
            counts = play.traffic.stop()
            complaints = self.lab.close()
        return DemoReport(
            backend=self.lab.registry.backend,
            versions={
                "HAProxy": play.version or "unknown",
                "lbdisc": __version__,
                "Python": platform.python_version(),
            },
            rate=rate,
            steps=tuple(seen),
            counts=counts,
            losses=tuple(play.traffic.lost),
            # What ends badly after a failure is of no interest beside it.
            missing=tuple(missing or complaints),
        )

    def _introduce(self, screen: PlainScreen) -> None:
        screen.say(f"backend {self.lab.registry.backend}; everything is in {self.lab.folder}")
        screen.say(f"site  {self.lab.site}\nstats {self.lab.stats_page} (no password)")
        screen.say("nothing is open beyond loopback")

    def _invite(self, screen: PlainScreen) -> None:
        screen.say("\nNodes and traffic go on until Ctrl-C. One more node is all this:")
        screen.say(self.lab.how_to_add_a_node())

    def show_logs(self) -> None:
        """Where the logs are, and their ends as they were before everything was stopped."""
        for log, lines in self._tails.items():
            self._console.print(f"\n{log}", style="bold", soft_wrap=True)
            for line in lines or ["(empty)"]:
                self._console.print(f"  {line}", markup=False, soft_wrap=True)
        self._console.print(f"\nThe folder stays for a look: {self.lab.folder}", soft_wrap=True)


def _folder(keep: Path | None) -> Path:
    """The folder of this run. Raises ``SettingsError`` for one that is in use."""
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="lbdisc-demo-"))
    folder = keep.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise SettingsError(f"--keep {keep}: not empty; give a new folder")
    except OSError as error:
        raise SettingsError(f"--keep {keep}: {error.strerror}") from error
    return folder


def _tell(report: DemoReport, console: Console, json_file: Path | None) -> None:
    console.print(summary(report))
    for line in verdict(report):
        console.print(line, markup=False, soft_wrap=True)
    if json_file is None:
        return
    text = json.dumps({"schema": 1, **report.to_object()}, indent=1) + "\n"
    if json_file == Path("-"):
        sys.stdout.write(text)
        return
    try:
        json_file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"--json {json_file}: {error.strerror}") from error
