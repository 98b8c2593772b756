"""The duties of process 1 in a container: pass signals on, and reap whoever ends."""

import os
import signal
from contextlib import suppress

from lbdisc.register.child import exit_code

# These tell of a fault in the process itself and cannot be waited for.
_FAULTS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT}


def split() -> int | None:
    """Go on in a child, with this process as its init; to be called before any thread starts.

    Returns ``None`` in the child, which does the work, and its exit code in this process, when all
    is over. Other orphans are reaped meanwhile: only a process that starts nothing itself may wait
    for everybody without taking others' exit codes away.
    """
    signals = signal.valid_signals() - _FAULTS
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    worker = os.fork()
    if worker == 0:
        # A terminal's Ctrl-C then comes once, through process 1.
        os.setpgid(0, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return None
    while True:
        number = signal.sigwait(signals)
        if number != signal.SIGCHLD:
            with suppress(ProcessLookupError):
                os.kill(worker, number)
        elif (code := _reap(worker)) is not None:
            return code


def _reap(worker: int) -> int | None:
    """Reap all that have ended; returns the exit code of ``worker`` once it is among them."""
    code = None
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == worker:
                code = exit_code(os.waitstatus_to_exitcode(ended[1]))
    return code
