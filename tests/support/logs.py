"""What the programs of a test that failed had to say."""

import sys
from pathlib import Path

MOST = 4000  # characters of each log


def show_logs(folder: Path, pattern: str = "*.log", *, most: int = MOST) -> None:
    """The ends of the logs in ``folder``, to standard error, which pytest shows."""
    for log in sorted(folder.glob(pattern)):
        sys.stderr.write(f"--- {log.name}\n{log.read_text(errors='replace')[-most:]}\n")
