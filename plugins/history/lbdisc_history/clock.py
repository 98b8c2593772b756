"""Whether the wall clock can be believed: what is dropped by age is gone for good."""

JUMP = 60.0  # seconds that the wall clock may be beside the other one
QUIET = 3600.0  # seconds without a jump before an age is believed


class BelievedClock:
    """Compares the wall clock with one that never goes back, whenever it is told both."""

    def __init__(self, unix_s: float, monotonic_s: float) -> None:
        self._ahead = unix_s - monotonic_s
        self._since = monotonic_s

    def is_steady(self, unix_s: float, monotonic_s: float) -> bool:
        """Whether both have gone on alike for an hour."""
        ahead = unix_s - monotonic_s
        if abs(ahead - self._ahead) > JUMP:
            self._ahead, self._since = ahead, monotonic_s
        return monotonic_s - self._since >= QUIET
