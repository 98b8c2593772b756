"""An entry of the journal in words, on one line: with what the journal itself has to say."""

from collections.abc import Callable, Iterable, Mapping

from lbdisc.events import wording
from lbdisc.showing import harmless
from lbdisc_history.lines import Entry

_OWN: Mapping[str, Callable[[Entry], str]] = {
    "history missed": lambda e: f"{e['missed']} entries could not be kept: {e['error']}",
    "history cut": lambda e: f"a half written entry of {e['bytes']} bytes was cut off",
}


def words(entry: Entry, news: Iterable[Entry] = ()) -> str:
    """What happened. ``news`` are entries of the registry's that led to this one."""
    own = _OWN.get(entry["event"])
    return wording.words(entry, news) if own is None else harmless(own(entry), wording.MOST)
