"""Answers are packed for whoever takes it, and one piece is good for every reader."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from lbdisc_web.packing import HEAD, PackedText, takes_gzip
from support.web_pages import ServedPage, applied, some


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedPage]:
    with closing(ServedPage(tmp_path)) as made:
        yield made


@pytest.mark.parametrize(
    ("accepted", "packs"),
    [
        ("gzip, deflate, br", True),
        ("br, GZIP;q=0.5", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("xgzip", False),
    ],
)
def test_it_is_packed_for_whoever_takes_that(accepted: str, *, packs: bool) -> None:
    assert takes_gzip({"accept-encoding": accepted}) is packs


@pytest.mark.parametrize("path", ["/", "/page.js", "/state.json"])
def test_packed_or_not_it_is_the_same(served: ServedPage, path: str) -> None:
    served.hear(applied(*some(200)))
    texts = []
    for accepted in ("gzip", "identity"):
        headers = {"Accept-Encoding": accepted}
        with httpx.stream("GET", f"{served.url}{path}", headers=headers, trust_env=False) as answer:
            raw = b"".join(answer.iter_raw())
        texts.append(gzip.decompress(raw) if accepted == "gzip" else raw)
        assert int(answer.headers["content-length"]) == len(raw)
    assert texts[0] == texts[1]


def test_pieces_are_read_by_whoever_began_with_any_of_them() -> None:
    told = [PackedText(f"event: parts\ndata: {n * 'same '}\n\n".encode()) for n in range(1, 9)]
    for start in range(8):
        reader = zlib.decompressobj(16 + zlib.MAX_WBITS)
        assert reader.decompress(HEAD) == b""
        for one in told[start:]:
            assert reader.decompress(one.piece) == one.plain  # at once, not with the next one


def test_changes_are_packed_as_well_and_come_at_once(served: ServedPage) -> None:
    served.hear(applied(*some(500)))
    asked = {"Accept-Encoding": "gzip"}
    with httpx.stream("GET", f"{served.url}/events", headers=asked, timeout=30) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        lines = answer.iter_lines()
        assert next(lines) == "event: whole"
        whole = next(lines)
        assert answer.num_bytes_downloaded < len(whole) / 5
        served.hear(applied(*some(1), generation=2))
        assert next(one for one in lines if one.startswith("event")) == "event: parts"
