"""What can go wrong with one request, sorted by what helps: another server, or an operator."""

from lbdisc.showing import one_line
from lbdisc_doozer.messages import Err, Response


class DoozerFailure(Exception):
    """One request to one server failed; the text is one line without secrets."""


class ServerAway(DoozerFailure):
    """The server does not answer, or cannot now: ask another, or ask again."""


class StandingStill(ServerAway):
    """It answers, and its revision stands still: it is cut off, or its cluster has no majority."""


class TooLate(DoozerFailure):
    """The revision asked for is forgotten: read everything again."""


class Mismatch(DoozerFailure):
    """The file was changed after the revision that was given: nothing was written."""


class NotAFile(DoozerFailure):
    """A directory is where a file was asked for."""


class NoSuchEntry(DoozerFailure):
    """There is no such directory, or it has no entry of that number."""


class ReadOnly(DoozerFailure):
    """The server takes no writes over this connection."""


class DoozerDenied(DoozerFailure):
    """Only an operator can help; the text names the setting to look at."""


_DENIED = "permission denied"  # EACCES in Go's words
_SORTED: dict[int, type[DoozerFailure]] = {
    Err.READONLY: ReadOnly,
    Err.REV_MISMATCH: Mismatch,
    Err.RANGE: NoSuchEntry,
    Err.NOTDIR: NoSuchEntry,
    Err.NOENT: NoSuchEntry,
    Err.ISDIR: NotAFile,
}


def failure_of(response: Response) -> DoozerFailure | None:
    """The failure that ``response`` tells of, ``None`` for an answer."""
    if not response.error:
        return None
    detail = one_line(response.detail)
    if response.error == Err.OTHER and response.detail == _DENIED:
        return DoozerDenied("it refuses us: see doozer.secret, and DOOZER_RWSECRET of the server")
    if response.error == Err.TOO_LATE:
        return TooLate("it has forgotten the revision: a longer history (-hist) would have it")
    words = Err.words(response.error) + (f": {detail}" if detail else "")
    return _SORTED.get(response.error, ServerAway)(words)
