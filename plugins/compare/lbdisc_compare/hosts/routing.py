"""The programs that make networks, in the namespace of this process or in another one."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from lbdisc_compare.hosts.isolation import environment

SETTINGS = Path("/proc/sys/net")
HANGS = 30.0  # seconds


def ip(*lines: str, within: Sequence[str] = ()) -> None:
    """All ``lines`` in one ``ip -batch`` (ip(8)), behind the words of ``within``.

    Raises ``RuntimeError`` with what it said.
    """
    _run([*within, "ip", "-batch", "-"], "\n".join(lines))


def tc(line: str) -> None:
    """Raises ``RuntimeError`` with what ``tc`` said."""
    _run(["tc", "-batch", "-"], line)


def filter_with(rules: str) -> None:
    """Replace the rules of the tables that ``rules`` names, at once. Raises ``RuntimeError``."""
    _run(["iptables-restore"], rules)


def rules_of(table: str) -> str:
    """The rules of a table with what they counted (iptables-save(8)). Raises ``RuntimeError``."""
    return _run(["iptables-save", "-c", "-t", table])


def settle(name: str, value: int) -> None:
    """A setting of the network under /proc/sys/net. Raises ``OSError``."""
    (SETTINGS / name).write_text(f"{value}\n")


def _run(command: Sequence[str], given: str = "") -> str:
    done = subprocess.run(
        command,
        input=f"{given}\n".encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=HANGS,
        env=environment(),
        check=False,
    )
    said = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {' '.join(said.split())}")
    return said
