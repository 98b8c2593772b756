"""``python -m lbdisc_compare.report FILE OUT``: the report anew, from samples."""

import sys
from pathlib import Path

from lbdisc_compare.report import write

USAGE = "usage: python -m lbdisc_compare.report FILE OUT (a file of samples, a folder)"


def main(words: list[str]) -> int:
    if len(words) != 2:
        sys.stderr.write(f"{USAGE}\n")
        return 2
    try:
        written = write(Path(words[0]), Path(words[1]))
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}\n")
        return 1
    for path in written:
        sys.stdout.write(f"wrote {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
