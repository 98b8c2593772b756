"""The files of a report."""

import os
from pathlib import Path
from urllib.parse import quote

from lbdisc_compare.report.known import Catalogues
from lbdisc_compare.report.page import composed, page, summary
from lbdisc_compare.report.picture import pictures
from lbdisc_compare.report.reading import read

REPORT, SUMMARY = "report.html", "summary.md"


def write(ndjson: Path, out: Path, known: Catalogues | None = None) -> list[Path]:
    """Write what ``lbdisc_compare.report.write`` says."""
    reading = read(ndjson)
    out.mkdir(parents=True, exist_ok=True)
    raw = "./" + quote(os.path.relpath(ndjson.resolve(), out.resolve()))
    report = composed(reading, known or Catalogues.catalogued(), raw)
    texts = {REPORT: page(report), SUMMARY: summary(report), **pictures(report)}
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8")
    return [out / name for name in texts]
