"""What is wrong with an agent and its load balancer, as a list; a pager reads the first.

Pure: from what the agent said, whether it can be believed, and the time of ``time.monotonic``.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lbdisc.state.liveness import Liveness
from lbdisc.times import ago

# What can be wrong, from what counts most to what counts least, and what each stands for.
CHECKS: Mapping[str, str] = {
    "agent": "the agent runs, turns and can write its state; always counts",
    "step": "the load balancer runs, and the file holds, what was asked for",
    "servers": "no service has all its servers down, and the load balancer says so",
    "registry": "the registry answers",
    "guard": "the guard holds nothing that the registry has lost",
    "steered": "no operator has paused the agent or pinned a generation",
    "overruled": "no endpoint is overruled by an operator",
    "skipped": "no entry of the registry is skipped",
    "flapping": "no entry of the registry changes without end",
    "empty": "every service has an endpoint",
    "settings": "the settings that were read again last were taken",
    "files": "no file that the load balancer reads was refused since it changed",
    "plugins": "no plugin has broken since the start",
    "announced": "the registry lists the agent, so that nodes that stop wait for it",
    "workers": "no old process of the load balancer lingers, and it could be tidied up",
}
DEFAULT = ("agent", "step", "servers", "registry", "guard", "steered")
_FAILED = ("agent", "step")  # the others leave it degraded
BEHIND = 10.0  # seconds that the file may come after what runs
GOOD, FAILED, DEGRADED = 0, 1, 4


@dataclass(frozen=True, slots=True)
class Reason:
    """Something that is wrong: ``check`` is a key of ``CHECKS``, ``text`` one line."""

    check: str
    text: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """All ``reasons``, what counts most first; ``counted`` are those that make the exit code."""

    reasons: tuple[Reason, ...]
    counted: tuple[Reason, ...]
    good: str

    @property
    def exit_code(self) -> int:
        if any(reason.check in _FAILED for reason in self.counted):
            return FAILED
        return DEGRADED if self.counted else GOOD

    @property
    def word(self) -> str:
        return {GOOD: "good", FAILED: "failed", DEGRADED: "degraded"}[self.exit_code]

    @property
    def summary(self) -> str:
        """One line: the worst, and how many more there are."""
        if not self.counted:
            return f"good: {self.good}"
        more = f"; and {len(self.counted) - 1} more" if len(self.counted) > 1 else ""
        return f"{self.word}: {self.counted[0].text}{more}"


def judge(
    status: Mapping[str, Any],
    live: Liveness,
    *,
    services: Sequence[str],
    now: float,
    checks: Collection[str] = DEFAULT,
) -> Judgement:
    """What an agent that is ``live`` says in ``status`` amounts to; only ``checks`` count.

    Of one that cannot be believed only that counts. ``services`` are those to be balanced.
    """
    reasons = (
        (Reason("agent", live.line),) if live.trouble else tuple(_found(status, services, now))
    )
    counted = tuple(r for r in reasons if r.check in checks or r.check == "agent")
    return Judgement(reasons, counted, _good(status))


def _found(status: Mapping[str, Any], services: Sequence[str], now: float) -> Iterator[Reason]:
    yield from _step(status, now)
    yield from _servers(status)
    yield from _registry(status, now)
    yield from _guard(status)
    yield from _steered(status)
    yield from _others(status, services)


def _step(status: Mapping[str, Any], now: float) -> Iterator[Reason]:
    generation = status.get("generation")
    if not status.get("in_step"):
        since = _since(status.get("in_step_since"), now)
        if failure := status.get("failure"):
            why = f"{failure['kind']}: {failure['error']} ({failure['times']} times)"
            yield Reason("step", f"not in step{since}: {why}")
        elif generation is None:
            waits = ", waits for the registry" if status.get("registry") != "ok" else ""
            error = f": {status['registry_error']}" if status.get("registry_error") else ""
            yield Reason("step", f"starting{since}{waits}{error}")
        elif not status.get("paused"):
            wanted = (status.get("desired") or {}).get("number")
            yield Reason("step", f"not in step{since}: generation {wanted} is to be applied")
        return
    written = status.get("written") or {}
    if generation and written.get("number") != generation["number"]:
        age = now - generation.get("monotonic_s", now)
        if age > BEHIND:
            has = f"has {written['number']}" if written else "was never written"
            text = f"generation {generation['number']} runs, the file {has}"
            yield Reason("step", f"the file is behind for {ago(age)}: {text}")


def _servers(status: Mapping[str, Any]) -> Iterator[Reason]:
    if why := status.get("unanswered"):
        yield Reason("servers", f"the load balancer does not say how its servers are: {why}")
    for name, seen in (status.get("servers") or {}).items():
        known = seen["servers"] - seen["unknown"]
        if known and not seen["up"]:
            yield Reason("servers", f"service {name}: {servers_line(seen)}")


def _registry(status: Mapping[str, Any], now: float) -> Iterator[Reason]:
    if status.get("registry") == "ok" or status.get("generation") is None:
        return
    since = _since(status.get("registry_since"), now)
    error = f": {status['registry_error']}" if status.get("registry_error") else ""
    word = "lost" if status.get("registry") == "lost" else "has not answered"
    failing = status.get("registry_failing", 0)
    times = f" ({failing} times)" if failing > 1 else ""
    yield Reason("registry", f"registry {status.get('backend')} {word}{since}{error}{times}")


def _guard(status: Mapping[str, Any]) -> Iterator[Reason]:
    if held := status.get("held"):
        names = ", ".join(held_line(one) for one in held[:3])
        count = len(held) + status.get("held_more", 0)
        more = f" and {count - 3} more" if count > 3 else ""
        yield Reason("guard", f"the guard holds {count}: {names}{more}")


def _steered(status: Mapping[str, Any]) -> Iterator[Reason]:
    if paused := status.get("paused"):
        yield Reason("steered", paused_line(paused))
    if pinned := status.get("pinned"):
        yield Reason("steered", pinned_line(pinned))
    if overruled := status.get("overruled"):
        more = f" and {len(overruled) - 3} more" if len(overruled) > 3 else ""
        yield Reason("overruled", "; ".join(map(overruled_line, overruled[:3])) + more)


def _others(status: Mapping[str, Any], services: Sequence[str]) -> Iterator[Reason]:
    if problems := status.get("problems"):
        first = problems[0]
        count = len(problems) + status.get("problems_more", 0)
        more = f" and {count - 1} more" if count > 1 else ""
        yield Reason("skipped", f"skipped: {first['where']}: {first['what']}{more}")
    if flapping := status.get("flapping"):
        yield Reason("flapping", f"changes wait: {flapping_line(flapping)}")
    if absent := status.get("absent"):  # with the services that there are in their place
        yield from (Reason("empty", text) for text in absent)
    elif status.get("servers") is not None:
        for name in services:
            if name not in status["servers"]:
                yield Reason("empty", f"service {name} has no endpoint")
    if refused := status.get("settings_refused"):
        yield Reason("settings", f"settings refused: {refused['error']} (the old ones stay)")
    if files := status.get("refused"):
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        text = f"file {files[0]['file']}{more} refused: {files[0]['error']}"
        yield Reason("files", f"{text} (what was read before stays)")
    for broken in status.get("broken") or ():
        yield Reason("plugins", f"{broken['plugin']} has broken: {broken['error']}")
    if error := status.get("announce_error"):
        yield Reason("announced", f"not announced: {error}")
    if old := status.get("old_workers"):
        yield Reason("workers", f"{old} old processes of the load balancer finish what they have")
    if untidy := status.get("untidy"):
        yield Reason("workers", f"not tidied up: {untidy['error']} ({untidy['times']} times)")


def _good(status: Mapping[str, Any]) -> str:
    generation = status.get("generation") or {}
    parts = ["in step" if status.get("in_step") else "the agent runs"]
    if generation:
        parts.append(f"generation {generation['number']}")
    seen = (status.get("servers") or {}).values()
    if seen:
        up, servers = sum(s["up"] for s in seen), sum(s["servers"] for s in seen)
        parts.append(f"{up} of {servers} servers up")
        if unknown := sum(s["unknown"] for s in seen):
            parts.append(f"{unknown} of them not known")
        if unchecked := sum(s["unchecked"] for s in seen):
            parts.append(f"{unchecked} of them without a check")
    return ", ".join(parts)


def servers_line(seen: Mapping[str, Any]) -> str:
    """How many servers of a service are up, and why others are not."""
    line = f"{seen['up']} of {seen['servers']} up"
    if seen["unknown"]:
        line = f"{line}, {seen['unknown']} not known"
    if seen["unchecked"]:
        line = f"{line}, {seen['unchecked']} of them without a check"
    return f"{line}: {seen['why']}" if seen["why"] else line


def held_line(one: object) -> str:
    """An endpoint that the guard holds: since when, until when and why, as far as it is said."""
    if not isinstance(one, Mapping):
        return str(one)
    words = [f"{word} {one[word]}" for word in ("since", "until") if one.get(word)]
    told = ", ".join([*words, str(one.get("why") or "")]).rstrip(", ")
    return f"{one['service']}/{one['name']}" + (f" ({told})" if told else "")


def paused_line(paused: Mapping[str, Any]) -> str:
    """Who paused the agent, and what waits because of that."""
    until = f" until {paused['until']}" if paused.get("until") else ""
    told = [f"paused by {paused['by']} since {paused['since']}{until}{_why(paused)}"]
    if drifted := paused.get("drifted"):
        told.append(f"and the load balancer drifted, which is left so: {drifted}")
    if waits := paused.get("waits"):
        names = " ".join(waits["changes"])
        more = " …" if waits["count"] > len(waits["changes"]) else ""
        plural = "change waits" if waits["count"] == 1 else "changes wait"
        told.append(f"{waits['count']} {plural}{f': {names}{more}' if names else ''}")
        if waits["how"] in ("reload", "start"):
            told.append(f"would need a {waits['how']}: {waits['why']}")
        elif waits["how"] == "nothing" and waits["count"]:
            told.append(str(waits["why"]))
    return "; ".join(told)


def pinned_line(pinned: Mapping[str, Any]) -> str:
    """Which generation runs whatever the registry says, and who wanted that."""
    since = f"by {pinned['by']} since {pinned['since']}"
    return f"generation {pinned['generation']} ({pinned['digest']}) pinned {since}{_why(pinned)}"


def overruled_line(one: Mapping[str, Any]) -> str:
    """Who is as an operator says, until when and why."""
    how = {"drain": "drained", "disable": "disabled"}.get(one["how"], f"weight {one['weight']}")
    until = f", until {one['until']}" if one.get("until") else ""
    unlisted = "" if one.get("listed", True) else " (not listed)"
    return f"{one['service']}/{one['name']} {how} here by {one['by']}{_why(one)}{until}{unlisted}"


def _why(one: Mapping[str, Any]) -> str:
    return f": {one['why']}" if one.get("why") else ""


def flapping_line(flapping: Sequence[Mapping[str, Any]]) -> str:
    """Who changes without end, and since when, as far as there is room."""
    names = ", ".join(f"{one['service']}/{one['name']} flaps" for one in flapping[:3])
    more = f" and {len(flapping) - 3} more" if len(flapping) > 3 else ""
    return f"{names}{more} since {min(one['since'] for one in flapping)}"


def _since(when: Mapping[str, Any] | None, now: float) -> str:
    if not when:
        return ""
    return f" for {ago(now - when['monotonic_s'])} (since {when['at']})"
