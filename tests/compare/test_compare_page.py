"""The report in a real Chromium: drawn, quiet, legible, on a phone, by keyboard and on paper."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from lbdisc_compare.report.reading import read
from lbdisc_compare.report.series import all_series
from lbdisc_compare.report.statistics import quantile
from lbdisc_compare.report.wording import told
from lbdisc_compare.report.writing import write
from support.compare_samples import KNOWN, a_run, cell, header, samples, written
from support.pages import CONTRASTS, browser, window

HOSTILE = (
    '<script>window.hit=1</script>"><img src=x onerror="window.hit=1"><svg onload=window.hit=1>'
)

LINES = """(all) => all.map((one) => {
  const range = document.createRange();
  range.selectNodeContents(one);
  return new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size;
})"""

Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the report of an invented run."""
    folder = tmp_path_factory.mktemp("report")
    write(written(folder / "samples.ndjson", a_run()), folder, KNOWN)
    return folder


@pytest.fixture
def opened(chromium: Browser, report: Path) -> Iterator[Opened]:
    """Opens the report; at the end nothing was said, asked for or failed."""
    said: list[str] = []
    contexts = []

    def open_page(folder: Path = report, **look: Any) -> Page:
        context = window(chromium, **look)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda asked: said.append(asked.url))
        page.goto((folder / "report.html").as_uri())
        said.remove((folder / "report.html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [line for line in said if not line.startswith("data:")] == []


def test_every_figure_is_drawn_with_marks(opened: Opened) -> None:
    page = opened()
    for plate in page.locator(".plate:has(svg.wide), .course").all():
        chart = plate.locator("svg.wide")
        box = chart.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) > 80
        if "no server changed" not in (chart.text_content() or ""):
            assert chart.locator(".mark path").count() > 0


def test_a_row_of_many_values_has_as_many_dots_as_it_says(opened: Opened) -> None:
    row = opened().locator('svg.wide .mark[data-way="etcd"][data-figure="join_served"] path')
    assert (row.get_attribute("d") or "").count("M") == 40
    told_of = opened().locator('svg.wide .mark[data-way="etcd"][data-figure="join_served"] title')
    assert "n = 60, drawn as 40 quantiles" in (told_of.text_content() or "")


def test_the_page_has_no_script_and_asks_for_nothing(opened: Opened) -> None:
    page = opened()
    assert page.locator("script").count() == 0
    assert page.evaluate("performance.getEntriesByType('resource').length") == 0


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_nothing_sticks_out(opened: Opened, width: int) -> None:
    page = opened(width=width)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_questions_and_verdicts_are_on_the_first_screen(opened: Opened) -> None:
    page = opened(width=1280)
    for place in (".asked", ".answer:visible", ".verdicts tr:has(td) >> nth=2"):
        box = page.locator(place).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 900


def test_verdicts_have_two_lines_at_most_in_columns_of_one_width(opened: Opened) -> None:
    page = opened(width=1280)
    cells = page.locator(".verdicts td:not(.missing)").all()
    boxes = [box for one in cells if (box := one.bounding_box())]
    assert max(box["height"] for box in boxes) <= 40
    widths = [box["width"] for box in boxes]
    assert min(widths) >= 80
    assert max(widths) - min(widths) < 1
    heads = page.locator(".verdicts thead th").evaluate_all(LINES)
    assert max(heads) <= 2


def test_on_a_phone_the_verdicts_come_after_the_questions(opened: Opened) -> None:
    page = opened(width=390)
    boxes = [page.locator(place).bounding_box() for place in (".chooser", ".verdicts")]
    assert None not in boxes
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]  # type: ignore[index]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_all_text_can_be_read(opened: Opened, dark: bool, width: int) -> None:
    page = opened(dark=dark, width=width)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    assert page.evaluate(CONTRASTS) == []


def test_dark_and_light_differ(opened: Opened) -> None:
    grounds = {
        opened(dark=dark).evaluate("getComputedStyle(document.body).backgroundColor")
        for dark in (False, True)
    }
    assert len(grounds) == 2


def test_a_table_opens_by_keyboard(opened: Opened) -> None:
    page = opened()
    details = page.locator("#fig-join-join-served details")
    details.locator("summary").focus()
    page.keyboard.press("Enter")
    assert details.get_attribute("open") is not None
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "scroll"


def test_tab_reaches_links_and_questions_in_their_order(opened: Opened) -> None:
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "./samples.ndjson"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#choose"


def test_the_answer_follows_the_questions_by_keyboard(opened: Opened) -> None:
    page = opened()
    assert page.locator(".answer:visible").count() == 1
    before = page.locator(".answer:visible").get_attribute("id")
    page.locator("#q0-yes").focus()
    page.keyboard.press("ArrowDown")
    assert page.locator("#q0-no").is_checked()
    assert page.locator(".answer:visible").count() == 1
    assert page.locator(".answer:visible").get_attribute("id") != before


def test_every_sentence_of_an_answer_leads_to_its_figure(opened: Opened) -> None:
    page = opened()
    link = page.locator(".answer:visible li a").nth(1)
    place = link.get_attribute("href") or ""
    link.click()
    assert page.url.endswith(place)
    assert page.locator(place).count() == 1


def test_a_printed_page_has_its_charts(opened: Opened, tmp_path: Path) -> None:
    page = opened(dark=True)
    page.emulate_media(media="print")
    assert page.locator("svg.wide:visible").count() > 3
    assert page.locator("nav:visible").count() == 0
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert (tmp_path / "report.pdf").stat().st_size > 10_000


def test_on_a_phone_the_narrow_charts_are_shown(opened: Opened) -> None:
    page = opened(width=390)
    assert page.locator("svg.wide:visible").count() == 0
    assert page.locator("svg.narrow:visible").count() > 3


def test_every_number_can_be_computed_from_the_samples(opened: Opened, report: Path) -> None:
    values = _values(report / "samples.ndjson")
    shown = (
        opened()
        .locator("data[data-stat]")
        .evaluate_all("""(all) => all.map((one) => {
          const of = {};
          for (let at = one; at; at = at.parentElement) Object.assign(of, {...at.dataset, ...of});
          return [of, one.value, one.textContent];
        })""")
    )
    assert len(shown) > 100
    wrong = [one for one in shown if not _right(values, *one)]
    assert wrong == []


def test_cells_of_tables_have_no_other_numbers(opened: Opened) -> None:
    strays = (
        opened()
        .locator(".plate td.n, .verdicts td b")
        .evaluate_all(
            """(all) => all.map((one) => {
          const copy = one.cloneNode(true);
          copy.querySelectorAll('data, .soft').forEach((its) => its.remove());
          return copy.textContent.trim();
        }).filter((text) => /[0-9]/.test(text))"""
        )
    )
    assert [text for text in strays if not re.fullmatch(r"[\d,]+", text)] == []


def test_simulated_numbers_are_those_of_the_samples(opened: Opened, report: Path) -> None:
    lines = map(json.loads, (report / "samples.ndjson").read_text().splitlines())
    simulated = {one["value"] for one in lines if one["kind"] == "simulated"}
    shown = (
        opened().locator("data[data-simulated]").evaluate_all("(all) => all.map((o) => o.value)")
    )
    assert shown
    assert [one for one in shown if float(one) not in {float(f"{v:.6g}") for v in simulated}] == []


def test_hostile_names_do_nothing(opened: Opened, tmp_path: Path) -> None:
    its = samples(HOSTILE, [1.0, 2.0, 3.0], measure=HOSTILE, figure=HOSTILE, unit="s", how=HOSTILE)
    lines = [header([HOSTILE]), *cell(HOSTILE, HOSTILE, *its)]
    write(written(tmp_path / "samples.ndjson", lines), tmp_path, KNOWN)
    page = opened(tmp_path)
    assert page.evaluate("window.hit") is None
    assert page.locator("img").count() == 0
    assert page.locator("svg.wide").count() == 1


def _values(file: Path) -> dict[tuple[str, ...], list[float]]:
    return {
        (one.way, one.measure, one.figure, one.conditions): sorted(one.values)
        for one in all_series(read(file))
    }


def _right(
    values: dict[tuple[str, ...], list[float]], of: dict[str, str], value: str, text: str
) -> bool:
    key = (of["measure"], of["figure"], of["where"])
    own = values[of["way"], *key]
    statistics: dict[str, Callable[[], float]] = {
        "n": lambda: len(own),
        "median": lambda: quantile(own, 0.5),
        "p95": lambda: quantile(own, 0.95),
        "top": lambda: own[-1],
        "ratio": lambda: quantile(own, 0.5) / quantile(values[of["base"], *key], 0.5),
    }
    right = statistics[of["stat"]]()
    units = ("count", "s", "ms", "requests", "messages/s")
    said = {f"{right:.3g} ×", *(told(right, unit) for unit in units)}
    return float(value) == pytest.approx(right, rel=1e-5) and text.strip() in said
