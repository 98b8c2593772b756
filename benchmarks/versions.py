"""The HAProxys to measure with: the machine's, and others that ``scripts/haproxies.sh`` makes.

``HAPROXIES`` may name the folder with them, as ``VERSION/haproxy``; ``build/haproxies`` if unset.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.servers import ROOT

FOLDER = Path(os.environ.get("HAPROXIES", ROOT / "build" / "haproxies"))
NEWER = FOLDER / "3.0" / "haproxy"


@contextmanager
def haproxy(version: str) -> Iterator[tuple[Path, str]]:
    """A scratch folder with a short path, and the program to use in it."""
    with tempfile.TemporaryDirectory(prefix="lbb-") as folder:
        yield Path(folder), str(NEWER) if version == "3.0" else "haproxy"
