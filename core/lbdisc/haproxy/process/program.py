"""The HAProxy program: where it is, and what it says about a configuration file."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import structlog

from lbdisc.errors import CheckError, SettingsError
from lbdisc.haproxy.process.surroundings import Surroundings
from lbdisc.haproxy.process.unreadable import unreadable
from lbdisc.haproxy.sockets.master import alerts
from lbdisc.mirror import as_installed

log = structlog.get_logger("lbdisc.haproxy")
CHECK_LIMIT = 60.0  # seconds; 10,000 servers in one proxy take 0.6 s, names in DNS longer
_WARNING = re.compile(r"\[WARNING\]\s+\(\d+\) : (.*)")


def find(binary: str) -> str:
    """The program's path. Raises ``SettingsError`` when it is not there."""
    found = shutil.which(binary)
    if found is None:
        raise SettingsError(
            f"no program {binary!r}: install HAProxy, or name its path in haproxy.binary"
        )
    return found


def check_config(
    binary: str, path: Path, *, target: Path | None = None, around: Surroundings | None = None
) -> tuple[str, ...]:
    """Let HAProxy check the file at ``path``; returns its warnings, one line each.

    Raises ``CheckError`` with HAProxy's own words and line numbers when it refuses the file, where
    ``target`` is named instead of ``path`` if given; ``SettingsError`` when there is no program.
    What this user may not read is a warning: HAProxy, which reads it as root, checks the rest.
    Words mean what they do to a process with the surroundings ``around``, this one's if unsaid.
    """
    try:
        done = subprocess.run(
            [find(binary), "-c", "-f", str(path if around is None else path.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=CHECK_LIMIT,
            check=False,
            cwd=around.folder if around else None,
            env=dict(around.variables) if around else None,
        )
    except subprocess.TimeoutExpired as error:
        raise CheckError(f"haproxy -c gave no answer in {CHECK_LIMIT:g} s") from error
    except OSError as error:
        raise SettingsError(f"haproxy.binary {binary!r} cannot be started: {error}") from error
    said = done.stdout.decode(errors="replace")
    if target is not None:
        said = as_installed(said, path, target)
    warnings = tuple(text.strip() for text in _WARNING.findall(said))
    if not done.returncode:
        return warnings
    if closed := unreadable(said, alerts(said)):
        more = f" (and {len(closed) - 1} more)" if len(closed) > 1 else ""
        return (*warnings, f"checked in part: this user may not read {closed[0]}{more}")
    raise _refusal(said, done.returncode)


class FileChecker:
    """``check_config`` of a staged file for its target, which says each warning once.

    ``around`` tells the surroundings of the HAProxy that will read it.
    """

    def __init__(
        self, binary: str, around: Callable[[], Surroundings | None] = lambda: None
    ) -> None:
        self._binary = binary
        self._around = around
        self._warned: tuple[str, ...] = ()

    def __call__(self, staged: Path, target: Path) -> None:
        warnings = check_config(self._binary, staged, target=target, around=self._around())
        for warning in warnings:
            if warning not in self._warned:
                log.warning("haproxy -c", says=warning)
        self._warned = warnings


def _refusal(said: str, code: int) -> CheckError:
    found = alerts(said) or [said.strip().rpartition("\n")[2] or f"exit code {code}"]
    causes = [text.removeprefix("config : ") for text in found]
    more = f" (and {len(causes) - 1} more)" if len(causes) > 1 else ""
    message = f"HAProxy refuses the configuration: {causes[0]}{more}"
    return CheckError(message, said="\n".join(causes))
