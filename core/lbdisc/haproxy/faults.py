"""What is known of a version of HAProxy: what lbdisc works around in it, and until when it is kept.

Ends of life are quarters, as the HAProxy project announces them on www.haproxy.org (as listed by
endoflife.date in February 2026 and versionlog.com in June 2026 for 3.4): the first day after the
quarter counts here, for a branch that ended already the day after its last release.
"""

from collections.abc import Iterator
from datetime import date

from lbdisc.examining import Diagnosis, warn
from lbdisc.haproxy.versions import Features, Version

OLDEST_TESTED, NEWEST_TESTED = (2, 6), (3, 4)
ENDS = {
    (2, 4): date(2026, 7, 1),
    (2, 5): date(2023, 5, 3),
    (2, 6): date(2027, 7, 1),
    (2, 7): date(2024, 4, 6),
    (2, 8): date(2028, 7, 1),
    (2, 9): date(2025, 3, 22),
    (3, 0): date(2029, 7, 1),
    (3, 1): date(2026, 4, 1),
    (3, 2): date(2030, 7, 1),
    (3, 3): date(2027, 4, 1),
    (3, 4): date(2031, 7, 1),
}


def known_faults(version: Version) -> Iterator[Diagnosis]:
    """What lbdisc knows of it and has to work around, with what costs less."""
    branch = version[:2]
    if branch < OLDEST_TESTED:
        yield warn(
            f"lbdisc is tested on {_name(OLDEST_TESTED)} to {_name(NEWEST_TESTED)}, this is"
            f" {_name(branch)}: nothing is known of its faults",
            "install HAProxy 3.0 or newer, or name it in haproxy.binary",
        )
    has = Features(version, wait=version >= (3, 0, 0))  # `wait` came with 3.0
    if not has.can_delete:
        yield warn(
            f"before 3.0 'del server' can crash HAProxy: servers that left stay in maintenance"
            f" until the next reload (this is {_name(branch)})",
            "install HAProxy 3.0 or newer",
        )
    if not has.reuses_connections:
        yield warn(
            "before 3.0 servers that were added at run time reuse no connections: one reload"
            " follows each time",
            "install HAProxy 3.0 or newer; haproxy.settle_after says when that reload comes",
        )
    if not has.pools_by_address:
        yield warn(
            f"{_dotted(version)} may send a request over a kept connection to the address that a"
            " server had before; lbdisc therefore moves no server that has some",
            "install 2.8.25, 3.0.11, 3.2 or newer",
        )


def end_of_life(version: Version, today: date) -> Iterator[Diagnosis]:
    """That its branch gets no fixes any more, if so; of one that is not listed nothing is known."""
    branch = version[:2]
    ends = ENDS.get(branch)
    if ends is not None and today >= ends:
        yield warn(
            f"HAProxy {_name(branch)} gets no fixes since {ends:%Y-%m-%d} (www.haproxy.org)",
            "install a branch that is kept: 3.0, 3.2 or 3.4",
        )


def _name(branch: tuple[int, ...]) -> str:
    return ".".join(map(str, branch[:2]))


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
