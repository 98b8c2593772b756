"""Prints the blocks of requirements.lock, hashes and all, that distributions of this tree need.

``python scripts/locked.py lbdisc-etcd 'lbdisc-zookeeper[sasl]'``: what they need, and what that
needs, as installed in this environment, without the distributions of this tree themselves.
``--but NAME`` leaves out what NAME needs.
"""

import argparse
import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# The Python of the images.
PYTHON = {"python_version": "3.13", "python_full_version": "3.13.0"}
LOCK = Path(__file__).parent.parent / "requirements.lock"


def needed(text: str) -> set[str]:
    """The name in the requirement ``text``, and those of all it needs on this platform."""
    found: set[tuple[str, frozenset[str]]] = set()
    waiting = [Requirement(text)]
    while waiting:
        given = waiting.pop()
        name, extras = canonicalize_name(given.name), frozenset(given.extras)
        if (name, extras) in found:
            continue
        found.add((name, extras))
        environments = [{**PYTHON, "extra": extra} for extra in (*extras, "")]
        for requirement in map(Requirement, distribution(name).requires or ()):
            if not requirement.marker or any(map(requirement.marker.evaluate, environments)):
                waiting.append(requirement)
    return {name for name, _ in found}


def blocks(text: str) -> dict[str, str]:
    """The blocks of a lock by name: a line that begins with it, and the indented ones after it."""
    found = re.finditer(r"^([\w.-]+)==.*(?:\n[ \t].*)*", text, re.MULTILINE)
    return {canonicalize_name(block[1]): block[0] for block in found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--but", action="append", default=[], metavar="NAME")
    given = parser.parse_args()
    try:
        wanted = set().union(*map(needed, given.names)) - set().union(*map(needed, given.but))
    except PackageNotFoundError as error:
        parser.error(f"{error.name} is not installed here; run: make setup")
    locked = blocks(LOCK.read_text(encoding="utf-8"))
    ours = {name for name in wanted if name == "lbdisc" or name.startswith("lbdisc-")}
    missing = sorted(wanted - ours - set(locked))
    if missing:
        parser.error(f"requirements.lock has no {', '.join(missing)}; run: make lock")
    sys.stdout.writelines(f"{locked[name]}\n" for name in sorted(wanted - ours))


if __name__ == "__main__":
    main()
