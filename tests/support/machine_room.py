"""Whether the machine had room for what tests write: without it they fail one after the other."""

import shutil
import tempfile
from pathlib import Path

SCARCE = 1 << 30  # bytes; four workers with an etcd of three members each take 1.5 GB for a while


def without_room() -> str:
    """Where tests can hardly write any more, as one line; ``""`` where they can."""
    short = []
    for folder in (Path(tempfile.gettempdir()), Path.cwd()):
        free = shutil.disk_usage(folder).free
        if free < SCARCE:
            short.append(f"{folder} has {free >> 20} MB free")
    return "; ".join(short)
