"""The programs that lbdisc's ways run: what is missing, and which versions there are."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from importlib.metadata import version

from lbdisc.environment import for_child
from lbdisc_compare.contenders.contender import Missing

NUMBER = re.compile(r"\d+\.\d+(?:\.\d+)?(?:-[A-Za-z]\w*)?")


def missing(program: str, package: str) -> Sequence[Missing]:
    """``program`` of the Debian package ``package``, if it is not on the path."""
    found = shutil.which(program)
    return () if found else (Missing(program=program, package=package, source="debian"),)


def version_of(*command: str) -> str:
    """The first number that looks like a version in what ``command`` says; empty if none."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=False, env=for_child()
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = NUMBER.search(done.stdout + done.stderr)
    return found.group() if found else ""


def debian_version(package: str) -> str:
    """The version of the Debian package, without Debian's own part; empty where there is none."""
    try:
        done = subprocess.run(
            ["dpkg-query", "--show", "--showformat=${Version}", package],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            env=for_child(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = NUMBER.match(done.stdout)
    return found.group() if found and done.returncode == 0 else ""


def haproxy_missing() -> Sequence[Missing]:
    return missing("haproxy", "haproxy")


def lbdisc_versions() -> dict[str, str]:
    return {"lbdisc": version("lbdisc"), "haproxy": version_of("haproxy", "-v")}
