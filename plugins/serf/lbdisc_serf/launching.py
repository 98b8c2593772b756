"""Starting an agent that cannot outlive the process that started it."""

import os
import shutil
import subprocess
from pathlib import Path

from lbdisc.environment import for_child
from lbdisc.errors import SettingsError

# The kernel kills the agent when the thread that started it ends, even by kill -9 (prctl(2),
# PR_SET_PDEATHSIG). The shell closes the gap before that was set, and becomes the agent.
_GUARDED = '[ "$PPID" = "$1" ] || exit 1; shift; exec "$@"'


def launch(binary: str, configuration: Path) -> "subprocess.Popen[bytes]":
    """Start ``serf agent`` with everything in ``configuration``, its output on a pipe.

    Secrets stand in the file alone, neither in the arguments nor in its environment. The thread
    that calls this has to live as long as the agent. Raises ``SettingsError`` when a program is
    missing.
    """
    serf = _find(binary, f"serf.binary is {binary!r}: install the package serf")
    setpriv = _find("setpriv", "setpriv is missing: install the package util-linux")
    guarded = [setpriv, "--pdeathsig", "KILL", "--", "/bin/sh", "-c", _GUARDED, "sh"]
    return subprocess.Popen(
        [*guarded, str(os.getpid()), serf, "agent", f"-config-file={configuration}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        start_new_session=True,
        env=for_child(),
    )


def _find(program: str, otherwise: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise SettingsError(otherwise)
    return str(Path(found).absolute())
