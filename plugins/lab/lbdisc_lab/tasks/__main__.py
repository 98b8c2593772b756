"""``python -m lbdisc_lab.tasks --backend etcd``: play the lab on containers, and report."""

import argparse
import shutil
import sys
from pathlib import Path

from lbdisc.errors import LbdiscError
from lbdisc_lab.containers.backends import BACKENDS, backend
from lbdisc_lab.tasks import report
from lbdisc_lab.tasks.play import Play

MARK = "report.md"  # a folder without it is not ours to empty


def main(arguments: list[str] | None = None) -> int:
    """Returns 0: every step was reached and no request lost; 1: not so; 2: wrong usage."""
    parser = argparse.ArgumentParser(prog="make lab", description=__doc__)
    parser.add_argument("--backend", default="file", metavar="NAME", help=", ".join(BACKENDS))
    parser.add_argument("--output", type=Path, metavar="DIR", help="default: build/lab/NAME")
    parser.add_argument("--rate", type=float, default=100, metavar="N", help="requests a second")
    given = parser.parse_args(arguments)
    try:
        chosen = backend(given.backend)
        folder = _emptied(given.output or Path("build/lab") / chosen.name)
        played = Play(chosen, folder, rate=given.rate, say=_say).run()
    except (LbdiscError, ValueError, OSError) as error:
        print(f"lab: {error}", file=sys.stderr)  # noqa: T201 - a command line
        return getattr(error, "exit_code", 1)
    report.write(played, folder)
    for line in report.verdict(played):
        _say(line)
    _say(f"report: {folder / 'report.md'}, {folder / 'report.html'}")
    return 0 if played.ok else 1


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command line


def _emptied(folder: Path) -> Path:
    """``folder``, without an earlier report. Raises ``ValueError`` if something else is in it."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise ValueError(f"{folder} is not empty, and no report of the lab: give another")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text("The lab is being played.\n")
    return folder


if __name__ == "__main__":
    sys.exit(main())
