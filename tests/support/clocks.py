"""A wall clock that can be set, for real programs: libfaketime stands between them and the kernel.

The clocks that nobody sets (monotonic, since the boot) stay as they are, and so do a file's times.
"""

from collections.abc import Mapping
from pathlib import Path

from lbdisc import atomic

HOUR = 3600


class SetClock:
    """What is started with ``environment`` takes the time from here; ``set`` counts at once."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.set(0)

    @property
    def environment(self) -> Mapping[str, str]:
        [library] = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",  # as it was called
            "NO_FAKE_STAT": "1",
            "PYTHONPATH": str(Path(__file__).parent / "set_clock"),
        }

    def set(self, seconds: int) -> None:
        """The clock is ahead of this machine's by so much."""
        atomic.write(self._file, f"{seconds:+d}\n")
