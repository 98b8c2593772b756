"""The pages that are open: each change is written once and handed to all of them.

Used in the server's event loop alone. Nobody waits for a page: one that falls behind is closed, and
opens again with everything.
"""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from lbdisc_web.differing import difference
from lbdisc_web.packing import HEAD, PackedText
from lbdisc_web.view import Document

PAGES = 128  # open at once
ROOM = 8  # messages that one page may be behind
GATHER = 0.1  # seconds: at most ten changes a second
LOOK = 1.0  # seconds between two looks at what no event tells, such as an agent that hangs
BEAT = 10.0  # seconds without a word after which one says nothing, so that both know of the other
FRESH = 0.2  # seconds for which a document is not made again for whoever asks
_BEAT = PackedText(b": still here\n\n")
_END = PackedText(b"")


class OpenPages:
    """``make`` makes the document as it is now."""

    def __init__(self, make: Callable[[], Document]) -> None:
        self._make = make
        self._pages: set[asyncio.Queue[PackedText]] = set()
        self._news = asyncio.Event()
        self._said: Document | None = None
        self._made: Document | None = None
        self._made_at = 0.0
        self._number = secrets.randbits(40)  # another agent has other numbers
        self._telling: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def full(self) -> bool:
        return len(self._pages) >= PAGES

    @property
    def watched(self) -> bool:
        """Whether any page is open; may be asked from any thread."""
        return bool(self._pages)

    def news(self) -> None:
        """Something happened."""
        self._news.set()

    def close(self) -> None:
        """All pages are told the end, and no other is opened."""
        self._closed = True
        if self._telling:
            self._telling.cancel()
        for page in [*self._pages]:
            self._drop(page)

    def now(self) -> Document:
        """The document, of a moment ago at most."""
        if self._made is None or time.monotonic() - self._made_at > FRESH:
            self._made = self._make()
            self._made_at = time.monotonic()
            self._number += 1
        return self._made

    @property
    def number(self) -> int:
        """Of the document that ``now`` gave last: who has it may ask for what is new since."""
        return self._number

    async def stream(self, *, have: int = 0, pack: bool = False) -> AsyncIterator[bytes]:
        """All of it, then what changes, as server-sent events; packed by gzip if asked for so.

        Whoever has the document of number ``have`` is told only what is new, if that is known.
        """
        if self._closed:
            return
        page: asyncio.Queue[PackedText] = asyncio.Queue(ROOM)
        page.put_nowait(self._first(have, self._tell_changes()))
        self._pages.add(page)
        try:
            if self._telling is None or self._telling.done():
                self._telling = asyncio.create_task(self._tell())
            if pack:
                yield HEAD
            while (text := await _next(page)) is not _END:
                yield text.piece if pack else text.plain
        finally:
            self._pages.discard(page)

    def _first(self, have: int, now: Document) -> PackedText:
        if self._made is None or have != self._number:
            return message("whole", now)
        return message("parts", {"now_s": now["now_s"], **difference(self._made, now)})

    async def _tell(self) -> None:
        """Until no page is open; should it fail, none stays open with what is not true any more."""
        try:
            while self._pages:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), LOOK)
                await asyncio.sleep(GATHER)
                self._news.clear()
                self._tell_changes()
        finally:
            for page in [*self._pages]:
                self._drop(page)

    def _tell_changes(self) -> Document:
        """The document as it is now; all open pages are told what is new in it."""
        before, now = self._said, self._make()
        self._said = now
        parts = difference(before, now) if before is not None and self._pages else {}
        if parts:
            text = message("parts", {"now_s": now["now_s"], **parts})
            for page in [*self._pages]:
                if page.full():
                    self._drop(page)
                else:
                    page.put_nowait(text)
        return now

    def _drop(self, page: asyncio.Queue[PackedText]) -> None:
        """What waits is not sent any more, only the end."""
        self._pages.discard(page)
        while not page.empty():
            page.get_nowait()
        page.put_nowait(_END)


def message(kind: str, found: Document) -> PackedText:
    """One server-sent event (HTML standard, 9.2.5): JSON has no line break of its own."""
    text = json.dumps(found, separators=(",", ":"))
    return PackedText(f"event: {kind}\ndata: {text}\n\n".encode())


async def _next(page: asyncio.Queue[PackedText]) -> PackedText:
    try:
        return await asyncio.wait_for(page.get(), BEAT)
    except TimeoutError:
        return _BEAT
