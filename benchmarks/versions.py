"""The HAProxys to measure with: the machine's, and a 3.0 in a system tree if one is named.

``HAPROXY_3_TREE`` may hold the path of a tree with HAProxy 3.0 in it, such as
``debootstrap --variant=minbase --include=haproxy trixie FOLDER`` makes; it takes root to use it.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TREE = os.environ.get("HAPROXY_3_TREE", "")
VERSIONS = ("2.6", "3.0") if TREE else ("2.6",)


@contextmanager
def haproxy(version: str) -> Iterator[tuple[Path, str]]:
    """A scratch folder with a short path, and the program to use in it."""
    folder = Path(tempfile.mkdtemp(prefix="lbb-"))
    real, binary = folder, "haproxy"
    if version == "3.0":
        real = Path(f"{TREE}{folder}")
        folder.rmdir()
        real.mkdir(parents=True)
        folder.symlink_to(real)
        script = folder / "haproxy-3.0"
        script.write_text(f'#!/bin/sh\nexec chroot {TREE} haproxy "$@"\n')
        script.chmod(0o755)
        binary = str(script)
    try:
        yield folder, binary
    finally:
        shutil.rmtree(real, ignore_errors=True)
        if real != folder:
            folder.unlink()
