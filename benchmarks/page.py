"""The agent's page with a thousand endpoints in a real Chromium: until it is drawn, and a join."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.agents import Agent
from benchmarks.cost import SETTINGS, names
from benchmarks.report import Report, arguments, seconds
from benchmarks.responders import responders
from benchmarks.servers import free_ports, scratch
from benchmarks.ways import node_files

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server")
# Milliseconds since the navigation began. What a frame has found is painted when the next begins.
WATCH = """
window.drawn = new Promise((resolve) => {
  const found = {};
  const marks = {};
  const tell = () => {
    const [paint] = performance.getEntriesByName('first-contentful-paint');
    resolve({ ...marks, any: paint.startTime });
  };
  const look = () => {
    const now = performance.now();
    for (const name of Object.keys(found)) marks[name] ??= now;
    const rows = document.querySelectorAll('#services tbody tr').length;
    const verdict = document.querySelector('#verdict b');
    if (rows && verdict) found.first = true;
    if (rows >= COUNT) found.all = true;
    if (marks.all) setTimeout(tell, 500); // a paint is told of some time after it
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
});
window.until = (count) => {
  window.reached = new Promise((resolve) => {
    const look = () => {
      const rows = document.querySelectorAll('#services tbody tr').length;
      if (rows !== count) requestAnimationFrame(look);
      else requestAnimationFrame(() => resolve(Date.now() / 1000));
    };
    look();
  });
};
window.toTheEnd = () => new Promise((resolve) => {
  const began = performance.now();
  const after = () => resolve((performance.now() - began) / 1000);
  const all = document.querySelectorAll('#services tbody tr');
  all[all.length - 1].scrollIntoView();
  requestAnimationFrame(() => requestAnimationFrame(after));
});
"""


@dataclass
class Drawn:
    """Seconds since the navigation began: any paint, the first endpoints, and all of them."""

    any: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    all: list[float] = field(default_factory=list)

    def add(self, page: Page) -> None:
        for name, ms in page.evaluate("window.drawn").items():
            getattr(self, name).append(ms / 1000)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Another profile, other processes: nothing is remembered of an earlier one."""
    path = shutil.which("chromium")
    assert path, "install the package chromium (make page does)"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield running
        finally:
            running.close()


def opened(browser: Browser, url: str, count: int) -> Page:
    """A page in a window of its own; it comes back once all is drawn."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.add_init_script(WATCH.replace("COUNT", str(count)))
    page.goto(url)
    page.evaluate("window.drawn")
    return page


def measure(folder: Path, count: int, times: int) -> tuple[list[list[str]], list[list[str]]]:
    """Rows of the two tables with ``count`` endpoints."""
    (app, web), nodes = free_ports(2), folder / "nodes"
    nodes.mkdir()
    write, remove = node_files(nodes)
    for name in names(count):
        write(name, app)
    settings = {**SETTINGS, "file.dir": str(nodes), "web.bind": f"127.0.0.1:{web}"}
    url = f"http://127.0.0.1:{web}/"
    fresh, warm, again = Drawn(), Drawn(), Drawn()
    joins: list[float] = []
    leaves: list[float] = []
    ends: list[float] = []
    with responders(folder / "apps", [app]), Agent(folder / "agent", "file", settings) as agent:
        agent.start().until(count)
        time.sleep(5)  # its first look at all servers is over
        for _ in range(times):
            with chromium() as browser:
                fresh.add(opened(browser, url, count))
        with chromium() as browser:
            for _ in range(times + 1):
                page = opened(browser, url, count)
                warm.add(page)
                ends.append(page.evaluate("window.toTheEnd()"))
                page.reload()
                again.add(page)
                page.close()
            page = opened(browser, url, count)
            for turn in range(3 * times):
                for change, left, into in ((write, 1, joins), (remove, 0, leaves)):
                    page.evaluate("count => window.until(count)", count + left)
                    began = time.time()
                    change(f"z{turn}", app)
                    into.append(page.evaluate("window.reached") - began)
                    time.sleep(0.4)
    ways = (("fresh browser", fresh), ("another window of one that runs", warm), ("reload", again))
    shown = [
        [f"{count:,}", way, seconds(its.any), seconds(its.first), seconds(its.all)]
        for way, its in ways
    ]
    return shown, [[f"{count:,}", seconds(joins), seconds(leaves), seconds(ends)]]


def main() -> None:
    quick = arguments(__doc__).quick
    times, counts = (2, (1000,)) if quick else (9, (10, 1000))
    report = Report("The page in a browser", quick=quick)
    drawn: list[list[str]] = []
    changes: list[list[str]] = []
    for count in counts:
        with scratch() as folder:
            one, other = measure(folder, count, times)
        drawn += one
        changes += other
        print(one, other, flush=True)
    s = "s, median (least to most)"
    report.table(["endpoints", "in", f"any paint, {s}", "first endpoints", "all of them"], drawn)
    report.table(["endpoints", f"join → seen, {s}", "leave → seen", "jump to the last"], changes)
    report.note(
        f"A real agent on node files with its HAProxy, Chromium without a screen, {times} each, all"
        " on this machine. Since the navigation began: the browser's first contentful paint; the"
        " frame after the one with verdict and first endpoints; the frame after the one with all"
        f" rows. {3 * times} joins and leaves each, from a node file's write to the frame after the"
        " one with the row, one page open."
    )
    report.finish()


if __name__ == "__main__":
    main()
