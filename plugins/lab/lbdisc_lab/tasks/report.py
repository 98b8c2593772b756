"""The report of the lab as Markdown and as one page of HTML, from the same values."""

from pathlib import Path

import jinja2

from lbdisc_lab.tasks.values import STATISTICS, LabReport, TaskStep

_TEMPLATES = Path(__file__).parent / "templates"
TOLD = 30  # lines of the balancer's log that a step shows; the whole log is beside it


def write(report: LabReport, folder: Path) -> None:
    """Write ``report.md`` and ``report.html`` into ``folder``."""
    for name in ("report.md", "report.html"):
        (folder / name).write_text(render(report, name), encoding="utf-8")


def render(report: LabReport, name: str) -> str:
    """The text of ``report.md`` or ``report.html``."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=name.endswith(".html"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        section=section, told=told, size=size, reasons=reasons, seconds=seconds
    )
    text = environment.get_template(f"{name}.j2").render(report=report, verdict=verdict(report))
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def verdict(report: LabReport) -> list[str]:
    """What it all came to, in a few lines."""
    lines = [summary(report)] if report.steps else []
    lines += [f"FAILED: {step.name} {step.title}: {step.why_not}" for step in report.steps
              if not step.ok]  # fmt: skip
    told = tuple(step.missing for step in report.steps if step.missing)
    lines += [f"FAILED: {line}" for line in report.missing if not line.endswith(told)]
    if report.ok and report.steps:
        lines.append(f"{where(report.steps)}; no request was lost.")
    if report.left_out:
        lines.append(f"Not played, as nobody asked for it: {', '.join(report.left_out)}.")
    return lines


def summary(report: LabReport) -> str:
    """All steps together."""
    good = sum(step.ok for step in report.steps)
    apart = f", {report.apart} apart" if report.apart else ""
    return (
        f"{good} of {len(report.steps)} steps as wanted; {report.served:,} requests served,"
        f" {report.lost} lost{apart}, {report.early:,} too early (503, no node yet)"
    )


def where(steps: tuple[TaskStep, ...]) -> str:
    """In what the steps were seen, and which of them elsewhere than in HAProxy's statistics."""
    found: dict[str, list[str]] = {}
    for step in steps:
        found.setdefault(step.where, []).append(step.name)
    usual = len(found.pop(STATISTICS, ()))
    others = "".join(f", {', '.join(names)} in {place}" for place, names in found.items())
    return f"{usual} of {len(steps)} steps were seen in {STATISTICS}{others}"


def section(config: str) -> str:
    """The part of HAProxy's configuration that holds the nodes."""
    _, found, rest = config.partition("\nbackend nodes\n")
    return f"backend nodes\n{rest.partition(chr(10) * 2)[0]}".rstrip() if found else config


def told(text: str) -> str:
    """The first lines of a log, but for HAProxy's own."""
    lines = [line for line in text.splitlines() if not _of_haproxy(line)]
    more = len(lines) - TOLD
    return "\n".join(lines[:TOLD] + ([f"… {more} more lines"] if more > 0 else []))


def _of_haproxy(line: str) -> bool:
    return " haproxy: " in line or line.endswith(" lines of requests)")


def size(count: int) -> str:
    """Bytes for people."""
    return f"{count / 1e6:.1f} MB"


def seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} s"


def reasons(step: TaskStep) -> str:
    """Losses that count apart, with the reasons."""
    return ", ".join(f"{count} ({why})" for why, count in step.apart.items())
