"""``lbdisc status``: what the agent says of itself."""

import json
import sys
from typing import Any

import typer

from lbdisc.cli.common import ConfigOption, JsonOption, SetOption, load_configuration


def status(
    config: ConfigOption = None, as_json: JsonOption = False, set_: SetOption = None
) -> None:
    """Show whether the agent runs, what it serves and what went wrong.

    Exit code 0: it runs and is in step; 1: it does not, or is not.

    Example: lbdisc status --json
    """
    from lbdisc import records
    from lbdisc.agent.store import Store
    from lbdisc.errors import LbdiscError
    from lbdisc.values import Snapshot

    _, settings = load_configuration(config, {}, set_)
    store = Store(settings.core.state_dir)
    found = store.status()
    if found is None:
        raise LbdiscError(f"no agent has used state_dir {store.folder} yet: start `lbdisc run`")
    served = store.last_snapshot() or Snapshot()
    found = {
        "agent": "running" if store.agent_runs else "stopped",
        **found,
        "endpoints": [
            {"service": e.service, "name": e.name, **records.to_object(e)} for e in served.endpoints
        ],
    }
    if as_json:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
    else:
        _print(found)
    if found["agent"] != "running" or not found.get("in_step"):
        raise typer.Exit(1)


def _took(ms: float | None) -> str:
    return "" if ms is None else f"in {ms} ms "


def _print(found: dict[str, Any]) -> None:
    from lbdisc.cli.tables import show_table

    generation = found.get("generation") or {}
    failure = found.get("failure") or {}
    wanted, written = found.get("desired") or {}, found.get("written") or {}
    lines = {
        "agent": f"{found['agent']} (process {found['pid']}, since {found['started']})",
        "registry": f"{found['backend']}: {found['registry']}",
        "registry error": found.get("registry_error"),
        "announced": f"as {name}" if (name := found.get("announced")) else "no",
        "not announced": found.get("announce_error"),
        "in step": "yes" if found.get("in_step") else "no",
        "running": generation
        and f"{generation['number']} ({generation['digest']}), by {generation['how']} "
        f"{_took(generation['ms'])}at {generation['at']}",
        "files": ", ".join(generation.get("files", ())),
        "desired": wanted and f"{wanted['number']}, {wanted['endpoints']} endpoints",
        "because of": generation.get("cause"),
        "written": written and f"{written['number']} ({written['digest']}) at {written['at']}",
        "failure": failure
        and f"{failure['kind']}: {failure['error']} "
        f"({failure['times']} times, last {failure['at']})",
        "settings refused": (refused := found.get("settings_refused"))
        and f"{refused['error']} (at {refused['at']}; the old ones stay)",
        "warning": "; ".join(found.get("absent", [])),
        "held by the guard": ", ".join(
            f"{h['service']}/{h['name']} ({h['why']}, since {h['since']})"
            for h in found.get("held", [])
        ),
        "configuration": found["output"],
        "broken": "; ".join(
            f"{b['plugin']}: {b['error']} ({b['times']} times, last {b['at']})"
            for b in found["broken"]
        ),
        "counters": ", ".join(f"{k}={v}" for k, v in sorted(found["counters"].items())),
    }
    width = max(len(name) for name in lines)
    for name, text in lines.items():
        if text:
            sys.stdout.write(f"{name.ljust(width)}  {text}\n")
    sys.stdout.write("\n")
    show_table(
        ("SERVICE", "NAME", "ADDRESS", "WEIGHT", "STATE"),
        [
            (e["service"], e["name"], f"{e['address']}:{e['port']}", str(e["weight"]), e["state"])
            for e in found["endpoints"]
        ],
    )
    for problem in found["problems"]:
        sys.stdout.write(f"skipped: {problem['where']}: {problem['what']}\n")
