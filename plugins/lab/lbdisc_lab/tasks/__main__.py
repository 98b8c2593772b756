"""``python -m lbdisc_lab.tasks --backend etcd``: play the lab on containers, and report."""

import argparse
import sys
from pathlib import Path

from lbdisc.errors import LbdiscError
from lbdisc_lab.containers.backends import BACKENDS, backend
from lbdisc_lab.tasks import report
from lbdisc_lab.tasks.folder import prepared
from lbdisc_lab.tasks.play import TASKS, TaskPlay, chosen


def main(arguments: list[str] | None = None) -> int:
    """Returns 0: all was as wanted and no request lost; 1: not so; 2: wrong usage."""
    given = _parser().parse_args(arguments)
    try:
        over, tasks = backend(given.backend), chosen(given.tasks)
        folder = prepared(given.output or Path("build/lab") / over.name)
        played = TaskPlay(over, folder, rate=given.rate, say=_say).run(tasks)
        report.write(played, folder)
    except (LbdiscError, ValueError, OSError) as error:
        print(f"lab: {error}", file=sys.stderr)  # noqa: T201 - a command line
        return getattr(error, "exit_code", 1)
    for line in ("", *report.verdict(played)):
        _say(line)
    _say(f"report: {folder / 'report.md'}, {folder / 'report.html'}")
    return 0 if played.ok else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make lab", description=__doc__)
    parser.add_argument("--backend", default="file", metavar="NAME", help=", ".join(BACKENDS))
    parser.add_argument("--output", type=Path, metavar="DIR", help="default: build/lab/NAME")
    parser.add_argument("--rate", type=float, default=100, metavar="N", help="requests a second")
    known = ",".join(TASKS)
    parser.add_argument("--tasks", default="", metavar="N,…", help=f"some of {known}; default: all")
    return parser


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command line


if __name__ == "__main__":
    sys.exit(main())
