"""The HAProxy program: where it is, and what it says about a configuration file."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog

from lbdisc import atomic
from lbdisc.environment import for_child
from lbdisc.errors import ApplyError, CheckError, SettingsError
from lbdisc.haproxy.around import Around
from lbdisc.haproxy.process.beside import laid_out
from lbdisc.haproxy.process.surroundings import Surroundings
from lbdisc.haproxy.process.unreadable import unreadable
from lbdisc.haproxy.sockets.master import alerts
from lbdisc.mirror import as_installed

log = structlog.get_logger("lbdisc.haproxy")
CHECK_LIMIT = 60.0  # seconds; 10,000 servers in one proxy take 0.6 s, names in DNS longer
LONG = 5.0  # seconds after which a check is told of
_LOOK = 0.1  # seconds between two looks whether a check is of use still
_WARNING = re.compile(r"\[WARNING\]\s+\(\d+\) : (.*)")


class Abandoned(ApplyError):
    """A check was cut short, as nobody needs it any more."""


def find(binary: str) -> str:
    """The program's path. Raises ``SettingsError`` when it is not there."""
    found = shutil.which(binary)
    if found is None:
        raise SettingsError(
            f"no program {binary!r}: install HAProxy, or name its path in haproxy.binary"
        )
    return found


Over = Callable[[float], bool]  # told how many seconds it took by now


def never(_took: float) -> bool:
    """A check that nothing cuts short."""
    return False


def check_config(
    binary: str,
    path: Path,
    *,
    target: Path | None = None,
    around: Around | None = None,
    place: Surroundings | None = None,
    over: Over = never,
) -> tuple[str, ...]:
    """Let HAProxy check the file at ``path``, with what is ``around`` it; returns its warnings.

    One line each. Raises ``CheckError`` with HAProxy's own words and line numbers when it refuses
    the file, where ``target`` is named instead of ``path`` if given; ``SettingsError`` when there
    is no program; ``Abandoned`` as soon as ``over``. One that takes long is told. What this user
    may not read is a warning: HAProxy, which reads it as root, checks the rest. Words mean what
    they do to a process at ``place``, a child's of this one if unsaid.
    """
    with laid_out(around or Around(), path) as (files, names):
        # -V: its words, also with `quiet` in the file.
        given = (word for file in files for word in ("-f", str(file.absolute())))
        said, code = _checked([find(binary), "-c", "-V", *given], binary, place, over)
    for there, name in names:
        said = said.replace(there, name)
    if target is not None:
        said = as_installed(said, path, target)
    warnings = tuple(text.strip() for text in _WARNING.findall(said))
    if not code:
        return warnings
    if closed := unreadable(said, alerts(said)):
        more = f" (and {len(closed) - 1} more)" if len(closed) > 1 else ""
        return (*warnings, f"checked in part: this user may not read {closed[0]}{more}")
    raise _refusal(said, code)


def _checked(
    command: list[str], binary: str, place: Surroundings | None, over: Over
) -> tuple[str, int]:
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=place.folder if place else None,
            env=dict(place.variables) if place else for_child(),
        )
    except OSError as error:
        raise SettingsError(f"haproxy.binary {binary!r} cannot be started: {error}") from error
    with process:
        return _said(process, over), process.wait()


def _said(process: "subprocess.Popen[bytes]", over: Over) -> str:
    """All that it says until its end."""
    began, told = time.monotonic(), False
    try:
        while (took := time.monotonic() - began) < CHECK_LIMIT:
            with suppress(subprocess.TimeoutExpired):
                return process.communicate(timeout=_LOOK)[0].decode(errors="replace")
            if over(took):
                raise Abandoned("haproxy -c was cut short")
            if took > LONG and not told:
                told = True
                log.warning("haproxy -c takes long; servers still change", s=round(took))
        raise CheckError(f"haproxy -c gave no answer in {CHECK_LIMIT:g} s")
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        elif told:
            log.info("haproxy -c is done", s=round(time.monotonic() - began, 1))


class FileChecker:
    """``check_config`` of a staged file for its target, which says each warning once.

    ``spared`` makes of the text what HAProxy is to look at, and ``around`` is what it reads with
    it; ``place`` tells the surroundings of the HAProxy that will read it.
    """

    def __init__(
        self,
        binary: str,
        spared: Callable[[str], str],
        place: Callable[[], Surroundings | None] = lambda: None,
    ) -> None:
        self._binary = binary
        self._spared = spared
        self._place = place
        self.around = Around()
        self._warned: tuple[str, ...] = ()

    def __call__(self, staged: Path, target: Path, over: Over = never) -> None:
        """Raises as ``check_config``."""
        warnings = self.look(staged, target, over)
        for warning in warnings:
            if warning not in self._warned:
                log.warning("haproxy -c", says=warning)
        self._warned = warnings

    def look(
        self,
        staged: Path,
        target: Path | None = None,
        over: Over = never,
        around: Around | None = None,
    ) -> tuple[str, ...]:
        """Its warnings."""
        check = partial(
            check_config,
            self._binary,
            around=self.around if around is None else around,
            place=self._place(),
            over=over,
        )
        try:
            text = atomic.held(staged) or ""
            if (other := self._spared(text)) == text:
                return check(staged, target=target)
            with atomic.staged(staged, other) as copy:
                return check(copy, target=target or staged)
        except OSError as error:
            raise CheckError(f"cannot read {staged}: {error.strerror or error}") from error


def _refusal(said: str, code: int) -> CheckError:
    found = alerts(said) or [said.strip().rpartition("\n")[2] or f"exit code {code}"]
    causes = [text.removeprefix("config : ") for text in found]
    more = f" (and {len(causes) - 1} more)" if len(causes) > 1 else ""
    message = f"HAProxy refuses the configuration: {causes[0]}{more}"
    return CheckError(message, said="\n".join(causes))
