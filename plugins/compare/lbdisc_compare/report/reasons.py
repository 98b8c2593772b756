"""Why lbdisc is not first, and what would be needed: by stated rules, from samples."""

from collections.abc import Mapping, Sequence

from lbdisc_compare.report.known import Catalogues
from lbdisc_compare.report.rules import Rule
from lbdisc_compare.report.series import Series
from lbdisc_compare.report.wording import told

MOSTLY = 0.5  # of a difference or a time: from here on it is the reason
STAGES = {
    "write": (
        "the client's write until the registry confirms it",
        "a registry that confirms a write sooner: fewer members, or a disk that syncs sooner",
    ),
    "news": (
        "the registry's news to the agent",
        "news that comes sooner, or an agent that waits less for more of it",
    ),
    "balancer": (
        "the agent's work on the balancer until the first request",
        "fewer words between agent and balancer for a change",
    ),
}
RULES_TOLD = (
    "A way that promises no end to a crashed node's record, and of which none was seen to end, has "
    "nothing of its kind to remove: then a stall or a crash of whoever keeps the record is "
    "harmless to it, and a crashed node stays listed for ever.",
    "A way without servers has no registry that could be away; one that needs nothing at all has "
    "none between its client and the balancer either.",
    "A join: the client's write, if half of the difference of the medians or more is in it; else "
    "the longest of write, news and balancer, by the medians of this way's own stages.",
    "A leave: the same write, if it is half of the leave's median or more; else what follows it.",
    "Requests or nodes: the conditions under which it has most of them.",
)


def why_not(
    rule: Rule, ours: Series, theirs: Series, series: Sequence[Series], known: Catalogues
) -> tuple[str, str]:
    """The reason why ``ours`` is behind ``theirs``, and what would be needed."""
    if rule.name in ("removals", "away") and _nothing_ends(theirs.way, series, known):
        return (
            f"{known.way(theirs.way).title} has nothing of its kind to remove: no lease, session "
            "or suspicion ends there, and a crashed node stays listed for ever",
            "records without an end (a client that writes them, and a tool that removes them); "
            "leases end crashed nodes, and that is their price",
        )
    if rule.name == "away" and _no_servers(theirs.way, known):
        return (
            f"{known.way(theirs.way).title} has no registry that could be away",
            "a way of lbdisc without servers: files or Serf",
        )
    if rule.name in ("join", "leave"):
        why, needed = _join(ours, theirs, series) if rule.name == "join" else _leave(ours, series)
        return f"{_between(theirs.way, known)}{why}", needed
    return _conditions(rule, ours, series)


def _no_servers(way: str, known: Catalogues) -> bool:
    promises = known.way(way).promises
    return promises is not None and promises.servers.lower().startswith("none")


def _between(way: str, known: Catalogues) -> str:
    promises = known.way(way).promises
    if promises is None or promises.servers.lower() != "none":
        return ""
    title = known.way(way).title
    return f"{title} has no registry between: its client writes what the balancer reads. Here "


def _nothing_ends(way: str, series: Sequence[Series], known: Catalogues) -> bool:
    promises = known.way(way).promises
    seen = any(one.way == way and one.figure == "crash_list_s" for one in series)
    return promises is not None and promises.crash_bound is None and not seen


def _medians(way: str, series: Sequence[Series]) -> Mapping[str, float]:
    """Of the figures of a join, in milliseconds."""
    return {one.figure: one.spread.median for one in series if one.way == way and one.unit == "ms"}


def stages(way: str, series: Sequence[Series]) -> Mapping[str, float]:
    """Milliseconds that each stage of a join takes, of those that were measured."""
    found = _medians(way, series)
    write, news, served = (found.get(f"join_{name}") for name in ("written", "snapshot", "served"))
    told_of: dict[str, float] = {}
    if write is not None:
        told_of["write"] = write
    if write is not None and news is not None:
        told_of["news"] = max(0.0, news - write)
    if served is not None and news is not None:
        told_of["balancer"] = max(0.0, served - max(news, write or 0.0))
    return told_of


def _join(ours: Series, theirs: Series, series: Sequence[Series]) -> tuple[str, str]:
    mine, other = stages(ours.way, series), stages(theirs.way, series)
    if not mine:
        return "its stages were not measured", "a run with all figures of the measure"
    behind = ours.spread.median - theirs.spread.median
    more = mine.get("write", 0.0) - other.get("write", 0.0)
    if "write" in other and behind > 0 and more >= MOSTLY * behind:
        name, needed = STAGES["write"]
        return f"{name} takes {told(more, 'ms')} more, of {told(behind, 'ms')} in all", needed
    longest = max(mine, key=lambda one: mine[one])
    name, needed = STAGES[longest]
    of = told(ours.spread.median, "ms")
    return f"most of its {of} (median) is {name}: {told(mine[longest], 'ms')}", needed


def _leave(ours: Series, series: Sequence[Series]) -> tuple[str, str]:
    write = stages(ours.way, series).get("write")
    middle = ours.spread.median
    if write is None:
        return "its stages were not measured", "a run with all figures of the measure"
    share = write / middle if middle else 0.0
    if share >= MOSTLY:
        return f"a write alone takes {told(write, 'ms')} of {told(middle, 'ms')}", STAGES["write"][
            1
        ]
    return (
        f"a write is {told(write, 'ms')} of {told(middle, 'ms')} (medians); the rest is the news, "
        "and draining at the balancer",
        STAGES["balancer"][1],
    )


def _conditions(rule: Rule, ours: Series, series: Sequence[Series]) -> tuple[str, str]:
    found = rule.found(series, ours.way)
    some = [one for one in found if rule.of(one) > 0]
    worst = max(found, key=rule.of)
    where = f", most with {worst.conditions}" if worst.conditions else ""
    return (
        f"it has some in {len(some)} of {len(found)} conditions{where}",
        f"none of them with {worst.conditions or 'this fault'}: see the course of that fault",
    )
