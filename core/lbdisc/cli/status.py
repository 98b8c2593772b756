"""``lbdisc status``: what the agent says of itself, whether it is to be believed, and a verdict."""

import sys
import time
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lbdisc.cli.common import load_configuration, write_json
from lbdisc.options import ConfigOption, JsonOption, SetOption

if TYPE_CHECKING:
    from pathlib import Path

    from lbdisc.state.judging import Judgement

CheckOption = Annotated[
    list[str] | None,
    typer.Option(
        "--check",
        metavar="NAME,…",
        help="What makes the exit code, or 'all'; agent,step,servers,registry,guard,steered if"
        " not given. Others: overruled, skipped, flapping, empty, settings, plugins, announced,"
        " workers.",
    ),
]


def status(
    config: ConfigOption = None,
    check: CheckOption = None,
    as_json: JsonOption = False,
    set_: SetOption = None,
) -> None:
    """Show whether the agent runs, what it serves and what went wrong.

    The first line sums it up. Exit code 0: good; 1: it does not run, hangs, cannot write its state
    or is not in step; 4: degraded: the registry is lost, the guard holds endpoints, all servers of
    a service are down, or an operator has paused it or pinned a generation.

    Example: lbdisc status --check step,servers
    """
    from lbdisc import records
    from lbdisc.cli.status_lines import lines
    from lbdisc.errors import LbdiscError
    from lbdisc.state.judging import judge
    from lbdisc.state.liveness import liveness
    from lbdisc.state.store import Store
    from lbdisc.values import Snapshot

    checks = chosen(check)
    _, settings = load_configuration(config, {}, set_)
    store = Store(settings.core.state_dir)
    said = store.status() or {}
    if not said and store.holder is None:
        raise LbdiscError(f"no agent has used state_dir {store.folder} yet: start `lbdisc run`")
    services = settings.core.services
    live = liveness(store, said)
    try:
        verdict = judge(said, live, services=services, now=time.monotonic(), checks=checks)
        told = lines(said, live)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise LbdiscError(_foreign(store.status_file, said)) from error
    served = store.last_snapshot() or Snapshot()
    found = {
        "verdict": verdict.word,
        "exit_code": verdict.exit_code,
        "summary": verdict.summary,
        "reasons": [
            {"check": r.check, "text": r.text, "counts": r in verdict.counted}
            for r in verdict.reasons
        ],
        "agent": live.word,
        **said,
        "endpoints": [
            {"service": e.service, "name": e.name, **records.to_object(e)} for e in served.endpoints
        ],
    }
    if as_json:
        write_json(found, indent=1)
    else:
        _print(found, verdict, told)
    if verdict.exit_code:
        raise typer.Exit(verdict.exit_code)


def chosen(names: list[str] | None) -> tuple[str, ...]:
    """The checks that count. Raises ``SettingsError`` for one that there is not."""
    from lbdisc.errors import SettingsError, shown
    from lbdisc.state.judging import CHECKS, DEFAULT

    given = [name.strip() for text in names or () for name in text.split(",") if name.strip()]
    for name in given:
        if name != "all" and name not in CHECKS:
            near = get_close_matches(name, CHECKS, n=1, cutoff=0.5)
            hint = f": did you mean {near[0]}?" if near else ""
            known = ", ".join([*CHECKS, "all"])
            raise SettingsError(f"no check {shown(name)}{hint} (known: {known})")
    if "all" in given:
        return tuple(CHECKS)
    return tuple(given) if names is not None else DEFAULT


def _foreign(file: "Path", said: dict[str, Any]) -> str:
    from lbdisc import __version__
    from lbdisc.errors import shown

    return (
        f"{file} was written by another version of lbdisc ({shown(said.get('version'))}, this is "
        f"{__version__}): ask with the agent's own, or restart the agent"
    )


def _print(found: dict[str, Any], verdict: "Judgement", told: dict[str, str]) -> None:
    sys.stdout.write(f"{verdict.summary}\n")
    for reason in verdict.reasons:
        if reason not in verdict.counted[:1]:
            counts = "" if reason in verdict.counted else " (does not count)"
            sys.stdout.write(f"- {reason.text}{counts}\n")
    last = "what it said last:\n" if any(r.check == "agent" for r in verdict.reasons) else ""
    sys.stdout.write(f"\n{last}")
    width = max(map(len, told), default=0)
    for name, text in told.items():
        sys.stdout.write(f"{name.ljust(width)}  {text}\n")
    _print_endpoints(found)
    for problem in found.get("problems", ()):
        sys.stdout.write(f"skipped: {problem['where']}: {problem['what']}\n")
    if more := found.get("problems_more", 0):
        sys.stdout.write(f"skipped: {more} more\n")


def _print_endpoints(found: dict[str, Any]) -> None:
    from lbdisc.cli.tables import show_table

    health = {
        (service, one["name"]): f"{one['state']} {one['why']}".rstrip()
        for service, seen in (found.get("servers") or {}).items()
        for one in seen["not_up"]
    }
    sys.stdout.write("\n")
    show_table(
        ("SERVICE", "NAME", "ADDRESS", "WEIGHT", "STATE", "HEALTH"),
        [
            (
                e["service"],
                e["name"],
                f"{e['address']}:{e['port']}",
                str(e["weight"]),
                e["state"],
                health.get((e["service"], e["name"]), ""),
            )
            for e in found["endpoints"]
        ],
    )
