"""``lbdisc replay``: recorded generations rendered with today's template, byte by byte."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from lbdisc import atomic
from lbdisc.errors import LbdiscError
from lbdisc.hooks import Renderer
from lbdisc.secrecy import masked
from lbdisc.showing import plain
from lbdisc.times import stamp
from lbdisc.values import Snapshot
from lbdisc_history.inspecting import MAIN
from lbdisc_history.lines import Entry
from lbdisc_history.reading import Kept, changed_by, read_list

SHOWN = 20  # differing generations that are shown; of more it tells the count


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """Where today's bytes differ from those of ``generation`` first, in ``file``.

    ``error`` says why there are none to compare, as the template fails.
    """

    generation: int
    unix_s: float
    file: str = ""
    line: int = 0
    byte: int = 0
    was: str = ""
    now: str = ""
    error: str = ""

    def __str__(self) -> str:
        head = f"generation {self.generation}, {stamp(self.unix_s)}: "
        if self.error:
            return f"{head}{self.error}"
        return (
            f"{head}{self.file}, line {self.line}, byte {self.byte}:\n"
            f"  was {self.was}\n  now {self.now}"
        )


@dataclass(slots=True)
class Replayed:
    """``unknown`` generations had no texts or endpoints to compare."""

    same: int = 0
    differ: int = 0
    unknown: int = 0


def replay(kept: Kept, renderer: Renderer, *, as_json: bool) -> bool:
    """Print where they differ; whether all were the same. Raises ``LbdiscError``."""
    counts, found = Replayed(), []
    for entry, known in _generations(kept):
        texts = _texts(kept, entry)
        if known is None or texts is None:
            counts.unknown += 1
            continue
        differences = list(_differences(entry, texts, known, renderer))
        counts.differ += bool(differences)
        counts.same += not differences
        if differences and counts.differ <= SHOWN:
            found += differences
    if counts.same + counts.differ == 0:
        raise LbdiscError("no generation is recorded there with its texts and its endpoints")
    _tell(counts, found, as_json=as_json)
    return counts.differ == 0


def _generations(kept: Kept) -> Iterator[tuple[Entry, Snapshot | None]]:
    """Each with all that it served, ``None`` where that is not known."""
    known: Snapshot | None = None
    for entry in kept.forwards():
        if entry["event"] == "history missed":
            known = None
        if entry["event"] != "running":
            continue
        try:
            if "served" in entry:
                known = Snapshot.of(read_list(kept.text(entry["served"])))
            elif known is not None:
                known = changed_by(known, entry)
        except LbdiscError:
            known = None
        yield entry, known


def _texts(kept: Kept, entry: Entry) -> dict[str, str] | None:
    named = entry.get("texts")
    if not isinstance(named, dict):
        return None
    try:
        return {str(name): kept.text(digest) for name, digest in named.items()}
    except LbdiscError:
        return None


def _differences(
    entry: Entry, texts: dict[str, str], known: Snapshot, renderer: Renderer
) -> Iterator[Divergence]:
    number, at = int(entry["generation"]), float(entry["unix_s"])
    try:
        rendered = renderer.render(known)
    except LbdiscError as error:
        yield Divergence(generation=number, unix_s=at, error=f"cannot be rendered: {error}")
        return
    today = {"": rendered.text, **dict(rendered.files)}
    for name in sorted({*texts, *today}):
        if name not in today or name not in texts:
            what = "is new" if name in today else "is not rendered any more"
            yield Divergence(generation=number, unix_s=at, error=f"{name or MAIN} {what}")
        elif texts[name] != today[name]:
            yield _first(number, at, name or MAIN, texts[name], today[name])


def _first(number: int, at: float, name: str, was: str, now: str) -> Divergence:
    """The first byte that differs, and its line."""
    old, new = atomic.encoded(was), atomic.encoded(now)
    pairs = enumerate(zip(old, new, strict=False))
    byte = next((i for i, (a, b) in pairs if a != b), min(len(old), len(new)))
    begin = old.rfind(b"\n", 0, byte) + 1
    return Divergence(
        generation=number,
        unix_s=at,
        file=name,
        line=old.count(b"\n", 0, byte) + 1,
        byte=byte,
        was=_line(old, begin),
        now=_line(new, begin),
    )


def _line(text: bytes, begin: int) -> str:
    if begin >= len(text):
        return "(its end)"
    return plain(masked(text[begin:].split(b"\n", 1)[0].decode(errors="replace")))


def _tell(counts: Replayed, found: list[Divergence], *, as_json: bool) -> None:
    if as_json:
        differing = [_object(each) for each in found]
        document = {"schema": 1, "same": counts.same, "differ": counts.differ}
        document |= {"unknown": counts.unknown}
        sys.stdout.write(json.dumps({**document, "differences": differing}) + "\n")
        return
    sys.stdout.writelines(f"{each}\n" for each in found)
    if counts.differ > SHOWN:
        sys.stdout.write(f"and {counts.differ - SHOWN} generations more\n")
    unknown = f", {counts.unknown} without texts or endpoints" if counts.unknown else ""
    total = counts.same + counts.differ
    sys.stdout.write(
        f"{total} generations: {counts.same} the same, {counts.differ} differ{unknown}\n"
    )


def _object(each: Divergence) -> dict[str, object]:
    if each.error:
        return {"generation": each.generation, "unix_s": each.unix_s, "error": each.error}
    place = {"file": each.file, "line": each.line, "byte": each.byte}
    said = {"was": each.was, "now": each.now}
    return {"generation": each.generation, "unix_s": each.unix_s, **place, **said}
