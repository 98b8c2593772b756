"""Pictures of pages, by a Chromium without a screen."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from lbdisc.errors import LbdiscError

LIMIT = 60.0  # seconds; catches a hanging browser
_NAMES = ("chromium", "chromium-browser", "google-chrome")
# Nothing but the page: no sandbox for root, no graphics, no talk with anybody else.
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-proxy-server",
    "--hide-scrollbars",
)


class ScreenshotError(LbdiscError):
    """There is no picture of the page."""


def take(url: str, file: Path, *, width: int = 1280, height: int = 640) -> None:
    """Write a PNG of the page at ``url``, so many pixels large. Raises ``ScreenshotError``."""
    browser = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if browser is None:
        raise ScreenshotError("no browser for screenshots: install the package chromium")
    file.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="lbdisc-browser-", ignore_cleanup_errors=True) as home:
        words = (f"--user-data-dir={home}", f"--window-size={width},{height}")
        command = [browser, *_FLAGS, *words, f"--screenshot={file.absolute()}", url]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ScreenshotError(f"no picture of {url} within {LIMIT:g} s") from error
    if not file.is_file():
        last = next(iter(reversed(done.stderr.strip().splitlines())), "no reason given")
        raise ScreenshotError(f"no picture of {url}: {last}")
