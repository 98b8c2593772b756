"""The lines of ``lbdisc status`` below its verdict."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

NAMED = 20  # endpoints in one line

if TYPE_CHECKING:
    from lbdisc.state.liveness import Liveness


def lines(found: Mapping[str, Any], live: "Liveness") -> dict[str, str]:
    """What the agent said, by a word for each; what is empty is left out."""
    if not found:
        return {}
    told = {
        "agent": f"{live.word} (process {found['pid']}, since {found['started']})",
        **_registry(found),
        **_generations(found),
        **_steered(found),
        "settings refused": _refused(found),
        "warning": "; ".join(found.get("absent", ())),
        "held by the guard": _held(found),
        "flapping": _flapping(found),
        "servers": _servers(found),
        "old workers": str(found.get("old_workers") or ""),
        "configuration": str(found.get("output", "")),
        "broken": "; ".join(
            f"{b['plugin']}: {b['error']} ({b['times']} times, last {b['at']})"
            for b in found.get("broken", ())
        ),
        "counters": ", ".join(f"{k}={v}" for k, v in sorted(found.get("counters", {}).items())),
    }
    return {name: text for name, text in told.items() if text}


def _registry(found: Mapping[str, Any]) -> dict[str, str]:
    since = found.get("registry_since") or {}
    when = f" since {since['at']}" if since else ""
    return {
        "registry": f"{found.get('backend')}: {found.get('registry')}{when}",
        "registry error": found.get("registry_error") or "",
        "announced": f"as {name}" if (name := found.get("announced")) else "no",
        "not announced": found.get("announce_error") or "",
    }


def _generations(found: Mapping[str, Any]) -> dict[str, str]:
    runs, failure = found.get("generation") or {}, found.get("failure") or {}
    wanted, written = found.get("desired") or {}, found.get("written") or {}
    told = {"in step": "yes" if found.get("in_step") else "no"}
    if runs:
        took = "" if runs["ms"] is None else f"in {runs['ms']} ms "
        how = f"by {runs['how']} {took}at {runs['at']}"
        told["running"] = f"{runs['number']} ({runs['digest']}), {how}"
        told["files"] = ", ".join(runs["files"])
    if wanted:
        told["desired"] = f"{wanted['number']}, {wanted['endpoints']} endpoints"
    if runs:
        told["because of"] = runs["cause"] or ""
    if written:
        told["written"] = f"{written['number']} ({written['digest']}) at {written['at']}"
    if failure:
        times = f"({failure['times']} times, last {failure['at']})"
        told["failure"] = f"{failure['kind']}: {failure['error']} {times}"
    return told


def _refused(found: Mapping[str, Any]) -> str:
    refused = found.get("settings_refused")
    return f"{refused['error']} (at {refused['at']}; the old ones stay)" if refused else ""


def _held(found: Mapping[str, Any]) -> str:
    from lbdisc.state.judging import held_line

    more = found.get("held_more", 0)
    named = [held_line(one) for one in found.get("held", ())]
    return ", ".join([*named, f"and {more} more"] if more else named)


def _steered(found: Mapping[str, Any]) -> dict[str, str]:
    from lbdisc.state.judging import overruled_line, paused_line, pinned_line

    paused, pinned = found.get("paused"), found.get("pinned")
    overruled = found.get("overruled") or ()
    more = [f"and {len(overruled) - NAMED} more"] if len(overruled) > NAMED else []
    return {
        "paused": paused_line(paused).removeprefix("paused ") if paused else "",
        "pinned": pinned_line(pinned) if pinned else "",
        "overruled": "; ".join([*map(overruled_line, overruled[:NAMED]), *more]),
    }


def _flapping(found: Mapping[str, Any]) -> str:
    from lbdisc.state.judging import flapping_line

    return flapping_line(found["flapping"]) if found.get("flapping") else ""


def _servers(found: Mapping[str, Any]) -> str:
    from lbdisc.state.judging import servers_line

    if (servers := found.get("servers")) is None:
        return (
            "not known: not asked yet, or the reloader cannot tell"
            if found.get("generation")
            else ""
        )
    return "; ".join(f"{name}: {servers_line(seen)}" for name, seen in servers.items())
