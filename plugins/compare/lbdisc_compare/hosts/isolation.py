"""Networks of one's own: whether this machine gives them, and how a command comes into one."""

import functools
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

# All that runs in it ends with it, and so do its interfaces, rules and mounts.
# So it does when whoever started it has ended, however that came (prctl(2), PR_SET_PDEATHSIG).
UNTIL_DEATH = ("setpriv", "--pdeathsig")
UNSHARED = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
AS_USER = (*UNSHARED, "--user", "--map-root-user")  # user_namespaces(7)

PROGRAMS = {
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "iptables-restore": "iptables",
}
TRIAL = """set -e
ip link set lo up
ip link add t0 type veth peer name t1
echo 1 > /proc/sys/net/ipv4/ip_forward
iptables-restore <<'RULES'
*raw
-A PREROUTING -s 10.0.0.1 -m statistic --mode random --probability 0.5 -j DROP
COMMIT
*mangle
-A OUTPUT -d 10.0.0.1 -j MARK --set-mark 1
COMMIT
RULES
"""
HANGS = 30.0  # seconds; a trial takes milliseconds


def separable() -> str:
    """Why this machine cannot give hosts networks of their own; empty where it can.

    Found out by a trial, once in a process: as this user, else by a user namespace.
    """
    return _tried()[1]


def isolated(command: Sequence[str | Path]) -> list[str]:
    """``command`` as the first process of a network, a mount and a pid namespace of its own.

    When it ends, or this process does, all that it started ends too. Raises
    ``RuntimeError`` with what ``separable`` says.
    """
    prefix, reason = _tried()
    if reason:
        raise RuntimeError(reason)
    return [*UNTIL_DEATH, "KILL", *prefix, *map(str, command)]


def bound(command: Sequence[str | Path]) -> list[str]:
    """``command``, which is asked to end (SIGTERM) when this process has ended."""
    known = shutil.which(UNTIL_DEATH[0], path=environment()["PATH"])
    return [*((*UNTIL_DEATH, "TERM") if known else ()), *map(str, command)]


def environment() -> dict[str, str]:
    """For the programs that make networks."""
    system = "/usr/local/sbin:/usr/sbin:/sbin"  # not on every user's PATH
    path = f"{os.environ.get('PATH', os.defpath)}:{system}"
    # The lock of the older iptables is root's alone, and nobody else is in our network.
    return {**os.environ, "PATH": path, "LC_ALL": "C", "XTABLES_LOCKFILE": os.devnull}


@functools.cache
def _tried() -> tuple[tuple[str, ...], str]:
    for program, package in PROGRAMS.items():
        if shutil.which(program, path=environment()["PATH"]) is None:
            return (), f"no network namespaces: {program} is not installed (Debian: {package})"
    words = ""
    for prefix in (UNSHARED, AS_USER):
        words = _failure(prefix)
        if not words:
            return prefix, ""
    return (), (
        "no right to make network namespaces (needs root, or a kernel that gives them to users, "
        f"and in a container --privileged): {words}"
    )


def _failure(prefix: Sequence[str]) -> str:
    """What the trial says where it fails."""
    trial = subprocess.run(
        [*prefix, "sh", "-c", TRIAL],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=HANGS,
        env=environment(),
        check=False,
    )
    if trial.returncode == 0:
        return ""
    said = trial.stderr.decode(errors="replace").split("\n", 1)[0]
    return said.strip() or f"exit code {trial.returncode}"
