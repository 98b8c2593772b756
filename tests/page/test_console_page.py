"""The console of a real Prometheus in a real Chromium, after a minute in which much happened."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from lbdisc_lab.tasks.evidence import shrink
from support.eventful import eventful
from support.pages import CONTRASTS, browser, window
from support.prometheus import Prometheus

# What happens takes a minute and a half, before the first test.
pytestmark = pytest.mark.timeout(420)
PATIENCE = 60_000  # milliseconds; catches a hang, measures nothing
SINCE = 90  # seconds that the page shows
CHARTS, STATS = 15, 6

Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with eventful(tmp_path_factory.mktemp("eventful")) as made:
        yield made


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.fixture
def opened(prometheus: Prometheus, chromium: Browser) -> Iterator[Opened]:
    """Opens the console; at the end no script has failed, and no other host was asked."""
    said: list[str] = []
    asked: list[str] = []
    contexts = []

    def open_page(more: str = "", **look: Any) -> Page:
        context = window(chromium, **look)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{prometheus.url}/consoles/lbdisc.html#range={SINCE}{more}")
        expect(page.locator("#line")).to_contain_text("as of", timeout=PATIENCE)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert asked
    assert [url for url in asked if not url.startswith((f"{prometheus.url}/", "data:"))] == []


def test_each_panel_has_data_of_what_happened(opened: Opened) -> None:
    page = opened()
    cards = page.locator("#charts .card")
    expect(cards).to_have_count(CHARTS)
    found = cards.evaluate_all("all => all.map(one => [one.ariaLabel, Number(one.dataset.found)])")
    assert [title for title, count in found if not count] == []
    assert cards.locator("svg .mark").count() >= CHARTS
    now = page.locator("#now .card")
    found = now.evaluate_all("all => all.map(one => Number(one.dataset.found))")
    assert found == [2] * STATS


def test_it_says_what_is_wrong_now(opened: Opened) -> None:
    page = opened()
    expect(page.locator("#alerts b", has_text="LbdiscFleetDisagrees").first).to_be_visible()
    assert page.locator("#alerts").get_attribute("data-mood") == "bad"
    paused = page.locator("#now .card", has_text="Paused").locator("li", has_text="lb2")
    expect(paused).to_contain_text("PAUSED")
    step = page.locator("#now .card", has_text="In step").locator("li")
    assert [text.split()[-1] for text in step.all_inner_texts()] == ["yes", "NO"]


def test_the_curves_tell_what_they_stand_for(opened: Opened) -> None:
    page = opened()
    for title, words in {
        "Failures": ("apply: NotLoaded", "drift"),
        "Held, skipped, overruled": ("nodes held", "nodes skipped", "nodes overruled"),
        "Applies": ("runtime applied", "reload applied", "none failed"),
        "Drains": ("nodes waiting",),
    }.items():
        legend = page.get_by_label(title, exact=True).first.locator(".legend")
        for word in words:
            expect(legend).to_contain_text(word)


def test_one_load_balancer_is_chosen_and_stays_so_in_the_address(opened: Opened) -> None:
    page = opened()
    page.get_by_label("Load balancer").select_option("lb1")
    expect(page.locator("#now .card li")).to_have_count(STATS)
    assert "instance=lb1" in page.url
    page.reload()
    expect(page.locator("#now .card li")).to_have_count(STATS)
    expect(page.get_by_label("Load balancer")).to_have_value("lb1")


def test_a_pointer_reads_a_chart_at_a_time(opened: Opened) -> None:
    page = opened()
    card = page.locator("#charts .card", has_text="Generation").first
    card.locator("svg").hover(position={"x": 200, "y": 60})
    expect(card.locator(".legend")).to_contain_text("at ")
    page.locator("h1").hover()
    expect(card.locator(".legend")).not_to_contain_text("at ")


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_no_part_of_the_console_sticks_out(opened: Opened, width: int) -> None:
    page = opened(width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = "all => all.filter(one => one.getBoundingClientRect().right > innerWidth + 1).length"
    assert page.locator("body *").evaluate_all(wide) == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_of_the_console_can_be_read(opened: Opened, *, dark: bool) -> None:
    assert opened(dark=dark).evaluate(CONTRASTS) == []


def test_pictures_are_taken(opened: Opened, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    folder = request.config.getoption("--pictures") or tmp_path
    looks: dict[str, dict[str, Any]] = {
        "light": {},
        "dark": {"dark": True},
        "phone": {"width": 390, "dark": True},
    }
    for name, look in looks.items():
        path = folder / f"console-{name}.png"
        page = opened(**look)
        if name == "phone":
            page.set_viewport_size({"width": 390, "height": 1700})
        page.screenshot(path=path, full_page=name != "phone")
        shrink(path)
        assert path.stat().st_size > 10_000
