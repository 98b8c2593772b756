"""The HAProxys to measure with: the machine's, and a 3.0 if one is named.

``HAPROXY_3`` may hold the path of a HAProxy 3.0, such as ``scripts/newer.sh`` makes.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM_3 = os.environ.get("HAPROXY_3", "")
VERSIONS = ("2.6", "3.0") if PROGRAM_3 else ("2.6",)


@contextmanager
def haproxy(version: str) -> Iterator[tuple[Path, str]]:
    """A scratch folder with a short path, and the program to use in it."""
    with tempfile.TemporaryDirectory(prefix="lbb-") as folder:
        yield Path(folder), PROGRAM_3 if version == "3.0" else "haproxy"
