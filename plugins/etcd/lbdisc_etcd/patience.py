"""How long a member is waited for: longer while none helps.

A server that starves under a herd answers late, and each attempt that is cut off costs it a further
connection, a TLS handshake or a login: who gives up at the usual time keeps it from ever answering.
"""

CONNECTING = 3.0  # seconds for an attempt to connect, and for the answer to a ping
MOST = 8  # times as long as usual


class Patience:
    """``request`` and ``connecting`` are seconds; ``usual`` is for a request at ordinary times.

    It outlives the sessions with the members. ``stretched``: longer than usual.
    """

    def __init__(self, usual: float) -> None:
        self._usual = usual
        self._times = 1

    @property
    def request(self) -> float:
        return self._usual * self._times

    @property
    def connecting(self) -> float:
        return CONNECTING * self._times

    @property
    def stretched(self) -> bool:
        return self._times > 1

    def lost(self) -> None:
        """No member helped, all were asked."""
        self._times = min(MOST, self._times * 2)

    def answered(self, seconds: float) -> None:
        """A member answered after ``seconds``: in the usual time, or it starves."""
        self._times = 1 if seconds < self._usual else MOST

    def logged_in(self, seconds: float) -> None:
        """A login took ``seconds``: a member that was long about it is still at those of others."""
        if seconds >= self._usual:
            self._times = MOST
