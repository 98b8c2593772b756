"""A journal as lines for people: news of the registry that were applied at once are one line."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from lbdisc.events.parts import Key, key_of, listed
from lbdisc.times import stamp
from lbdisc_history.lines import Entry
from lbdisc_history.wording import words

QUIET = ("written", "ready", "old processes", "drain over", "announced", "withdrawn")
AT_MOST = 100  # news that may wait for what they lead to
_LISTS = ("came", "went", "endpoints")


class Telling:
    """Takes entries in their order. ``everything`` tells what is of little interest as well.

    With ``service`` alone what concerns it.
    """

    def __init__(self, *, service: str = "", everything: bool = False) -> None:
        self._service = service
        self._everything = everything
        self._news: deque[Entry] = deque()

    def lines(self, entry: Entry) -> Iterator[str]:
        """What can be told by now."""
        found = only(entry, self._service) if self._service else entry
        if found is None or (found["event"] in QUIET and not self._everything):
            return
        if found["event"] == "news" and not self._everything:
            self._news.append(found)
            if len(self._news) > AT_MOST:
                yield _line(self._news.popleft())
            return
        led = self._led_to(found) if found["event"] == "running" else []
        yield from self.rest()
        yield _line(found, led)

    def rest(self) -> Iterator[str]:
        """News that have led to nothing so far."""
        while self._news:
            yield _line(self._news.popleft())

    def _led_to(self, running: Entry) -> list[Entry]:
        """The news that ``running`` has brought, which need no line of their own."""
        brought = _touched(running)
        led = [news for news in self._news if _touched(news) <= brought]
        self._news = deque(news for news in self._news if news not in led)
        return led


def only(entry: Entry, service: str) -> Entry | None:
    """What of ``entry`` concerns ``service``, ``None`` if nothing does."""
    found: Entry = dict(entry)
    touched = entry.get("service") == service
    for key in _LISTS:
        if key in entry:
            found[key] = [e for e in listed(entry, key) if _is_of(e, service)]
            touched |= bool(found[key])
    if "changed" in entry:
        found["changed"] = [e for e in listed(entry, "changed") if _is_of(e, service)]
        touched |= bool(found["changed"])
    if "entries" in entry:
        found["entries"] = [p for p in listed(entry, "entries") if _is_at(p["where"], service)]
        touched |= bool(found["entries"])
    return found if touched else None


def _is_of(each: Any, service: str) -> bool:
    """Of an endpoint, a server, or a pair of endpoints."""
    found = each[1] if isinstance(each, list) else each
    return bool(found.get("service") == service)


def _is_at(where: str, service: str) -> bool:
    return f"/{service}/" in f"/{where}"


def _touched(entry: Entry) -> set[Key]:
    pairs = (pair[1] for pair in listed(entry, "changed"))
    return {key_of(e) for e in (*listed(entry, "came"), *listed(entry, "went"), *pairs)}


def _line(entry: Entry, news: Iterable[Entry] = ()) -> str:
    return f"{stamp(entry['unix_s'])} {words(entry, news)}"
