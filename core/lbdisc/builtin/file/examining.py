"""The node folder, looked at for `lbdisc doctor`: whether it can be read and written, its clock."""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from lbdisc.builtin.file.settings import FileSettings
from lbdisc.examining import Diagnosis, Examination, fail, ok, warn
from lbdisc.skew import BY_NTP, LIMIT


def examinations(settings: FileSettings, own: Sequence[tuple[str, str]]) -> tuple[Examination, ...]:
    """One of the folder; ``own`` are the entries that this machine writes."""

    def look() -> Iterator[Diagnosis]:
        yield from _readable(settings.dir)
        yield from _writable(settings, own)
        yield from _clock(settings.dir)

    return (Examination(str(settings.dir), look),)


def _readable(folder: Path) -> Iterator[Diagnosis]:
    try:
        with os.scandir(folder) as names:
            count = sum(not name.name.startswith(".") for name in names)
    except OSError as error:
        remedy = f"mkdir {folder}, or set file.dir to a folder that can be read"
        yield fail(f"cannot list {folder}: {error.strerror}", remedy)
        return
    yield ok(f"{folder} can be read, {count} names in it")


def _writable(settings: FileSettings, own: Sequence[tuple[str, str]]) -> Iterator[Diagnosis]:
    """As the kernel tells it, which nothing need be written for."""
    for service, name in own:
        folder = settings.dir / service
        place = folder if folder.is_dir() else settings.dir
        if not place.is_dir():
            return
        if os.access(place, os.W_OK | os.X_OK):
            yield ok(f"{service}/{name} may be written, in {place}")
        else:
            yield fail(
                f"{service}/{name} cannot be written: {place} is not this user's to write",
                f"chown or chgrp {place}, or set agent.announce = false where only that is meant",
            )


def _clock(folder: Path) -> Iterator[Diagnosis]:
    """Leases count from when a file was touched, by the clock of whoever keeps the folder."""
    try:
        with os.scandir(folder) as names:
            newest = max((name.stat().st_mtime for name in names), default=0.0)
    except OSError:
        return
    ahead = newest - time.time()
    if ahead > LIMIT:
        yield warn(
            f"the newest file in {folder} is {ahead:.0f} s ahead of this machine's clock: leases"
            " last longer by as much",
            BY_NTP,
        )
