"""The first document stands in the page itself, for whoever may see it, and is no markup."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from lbdisc.testing.processes import free_port
from support.web_pages import TOKEN, ServedPage, applied, some

HOSTILE = "</script><script>alert(1)</script><!--<script>"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedPage]:
    with closing(ServedPage(tmp_path)) as made:
        yield made


def asked(served: ServedPage, path: str = "/", **headers: str) -> httpx.Response:
    return httpx.get(f"{served.url}{path}", headers=headers, trust_env=False, timeout=30)


class Scripts(HTMLParser):
    """The script elements of a page as a browser finds them, and what stands in each."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[dict[str, str | None], str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self.found.append((dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.found and self.cdata_elem == "script":
            attrs, before = self.found[-1]
            self.found[-1] = (attrs, before + data)


def first(served: ServedPage) -> tuple[str, Any]:
    """The number of the document in the page, and the document."""
    (_, (attrs, text)) = Scripts(asked(served).text).found
    assert attrs["type"] == "application/json"
    return attrs["data-number"] or "", json.loads(text)


def test_the_page_has_the_document_of_this_moment(served: ServedPage) -> None:
    served.hear(applied(*some(3)))
    number, document = first(served)
    assert number.isdigit()
    assert list(document["endpoints"]) == ["nodes/web-0", "nodes/web-1", "nodes/web-2"]


def test_nothing_in_it_ends_it_or_begins_anything(served: ServedPage) -> None:
    odd = replace(some(1)[0], tags=(("zone", HOSTILE),))
    served.hear(applied(odd))
    _, document = first(served)  # of two script elements the second
    (row,) = document["endpoints"].values()
    assert "</script><script>alert(1)</script>" in row["tags"][0]
    assert "alert(1)" not in re.sub(r"<script type=.*?</script>", "", asked(served).text)


def test_beyond_loopback_it_is_not_in_the_page(tmp_path: Path) -> None:
    bind = f"0.0.0.0:{free_port('0.0.0.0')}"
    with closing(ServedPage(tmp_path, bind=bind, token=SecretStr(TOKEN))) as served:
        served.hear(applied(*some(3)))
        for headers in ({}, {"Authorization": f"Bearer {TOKEN}"}):
            page = asked(served, **headers).text
            assert "web-1" not in page
            assert len(Scripts(page).found) == 1


def began(served: ServedPage, path: str) -> tuple[str, Any]:
    """The first of the events at ``path``."""
    with httpx.stream("GET", f"{served.url}{path}", trust_env=False, timeout=30) as answer:
        lines = answer.iter_lines()
        kind = next(one for one in lines if one.startswith("event: "))
        return kind.removeprefix("event: "), json.loads(next(lines).removeprefix("data: "))


def test_whoever_has_it_is_told_only_what_is_new(served: ServedPage) -> None:
    served.hear(applied(*some(3)))
    number, document = first(served)
    served.hear(applied(*some(2), generation=2))
    kind, parts = began(served, f"/events?have={number}")
    assert kind == "parts"
    assert parts["endpoints"] == {"put": {}, "gone": ["nodes/web-2"]}
    assert len(document["endpoints"]) == 3


@pytest.mark.parametrize("have", ["", "0", "-1", "9" * 30, "x", "\u0663", "1&have=2"])
def test_of_another_number_it_is_told_everything(served: ServedPage, have: str) -> None:
    first(served)
    assert began(served, f"/events?have={have}")[0] == "whole"
