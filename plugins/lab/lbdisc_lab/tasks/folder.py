"""The folder of a report, and what in it may be removed."""

import shutil
from contextlib import suppress
from pathlib import Path

from lbdisc.errors import SettingsError

TITLE = "# The lab on containers: "  # how every report begins; a folder without one is not ours
_BEGUN = TITLE + "not finished\n"
_MARK, _FILES, _STEPS = "report.md", ("report.md", "report.html"), "steps"


def prepared(folder: Path) -> Path:
    """``folder`` without an earlier report; nothing else in it is touched.

    Raises ``SettingsError`` for one that holds no report of the lab but something else.
    """
    if folder.exists() and not _is_ours(folder):
        raise SettingsError(f"{folder} is not empty, and no report of the lab: give another")
    with suppress(FileNotFoundError):
        shutil.rmtree(folder / _STEPS)
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).write_text(_BEGUN, encoding="utf-8")
    return folder


def _is_ours(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    if not any(folder.iterdir()):
        return True
    try:
        with (folder / _MARK).open(encoding="utf-8", errors="replace") as report:
            return report.read(len(TITLE)) == TITLE
    except OSError:
        return False
