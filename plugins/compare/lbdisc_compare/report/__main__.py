"""``python -m lbdisc_compare.report FILE OUT [--thin]``: the report anew, from samples."""

import sys
from pathlib import Path

from lbdisc_compare.report import thin, write
from lbdisc_compare.report.thinning import FILE

USAGE = """\
usage: python -m lbdisc_compare.report FILE OUT [--thin] (a file of samples, a folder)
--thin: the report is of samples-thinned.ndjson in OUT, which has what the report shows"""
THIN = "--thin"


def main(words: list[str]) -> int:
    paths = [Path(word) for word in words if word != THIN]
    if len(paths) != 2:
        sys.stderr.write(f"{USAGE}\n")
        return 2
    try:
        written = _written(*paths, thinned=THIN in words)
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}\n")
        return 1
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for path in written:
        sys.stdout.write(f"wrote {path}\n")
    return 0


def _written(ndjson: Path, out: Path, *, thinned: bool) -> list[Path]:
    if not thinned:
        return write(ndjson, out)
    out.mkdir(parents=True, exist_ok=True)
    kept = thin(ndjson, out / FILE)
    return [kept, *write(kept, out)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
