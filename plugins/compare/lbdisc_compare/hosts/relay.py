"""A line that takes its time, where the kernel has no ``netem``:
``python -m lbdisc_compare.hosts.relay FD SECONDS`` with an open /dev/net/tun.

Each packet waits so long, then goes back out, in order. At SIGTERM all that waits goes at once.
"""

import os
import select
import signal
import sys
import time
from collections import deque

MOST = 50_000  # packets that wait; more are dropped
LARGEST = 65_536


def relay(tun: int, seconds: float, wake: int) -> None:
    """Until ``wake`` can be read."""
    os.set_blocking(tun, False)
    waiting: deque[tuple[float, bytes]] = deque()
    ended = False
    while not ended:
        rest = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select([tun, wake], [], [], rest)
        ended = wake in ready
        _take(tun, waiting, seconds)
        _give(tun, waiting, time.monotonic() + seconds * ended)


def _take(tun: int, waiting: deque[tuple[float, bytes]], seconds: float) -> None:
    while True:
        try:
            packet = os.read(tun, LARGEST)
        except BlockingIOError:
            return
        if len(waiting) < MOST:
            waiting.append((time.monotonic() + seconds, packet))


def _give(tun: int, waiting: deque[tuple[float, bytes]], due: float) -> None:
    while waiting and waiting[0][0] <= due:
        _, packet = waiting.popleft()
        try:
            os.write(tun, packet)
        except OSError:  # no IP packet, or no memory for it: lost, as on any line
            continue


def main() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.set_wakeup_fd(writing)
    relay(int(sys.argv[1]), float(sys.argv[2]), reading)


if __name__ == "__main__":
    main()
