"""What templates make of tags: who has one, and the share of the traffic that goes there."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate, pairwise
from math import ceil, inf

from lbdisc.values import MAX_WEIGHT, Endpoint

_NO = frozenset(("", "0", "false", "no", "off"))


def is_tagged(endpoint: Endpoint, tag: str) -> bool:
    """In a template ``endpoint is tagged("canary")`` or ``is tagged("version=2")``.

    A name alone means any text but ``false``, ``no``, ``off``, ``0`` and none; no tag at all is
    nobody's.
    """
    name, equals, text = tag.partition("=")
    for key, found in endpoint.tags:
        if key == name:
            return found == text != "" if equals else found.lower() not in _NO
    return False


def parted(endpoints: Iterable[Endpoint], tag: str) -> tuple[list[Endpoint], list[Endpoint]]:
    """In a template: those without ``tag``, and those with it."""
    parts: tuple[list[Endpoint], list[Endpoint]] = [], []
    for endpoint in endpoints:
        parts[is_tagged(endpoint, tag)].append(endpoint)
    return parts


def shared(
    endpoints: Sequence[Endpoint], tag: str, percent: float, apart: str = ""
) -> Sequence[Endpoint]:
    """In a template: ``endpoints`` with weights by which those with ``tag`` get ``percent`` of all.

    It is as near as whole weights come. The others keep theirs, so that a change changes few: they
    only get less where the tagged ones would need more than 256 each, and more where those would
    need less than 1 in all. Where one side has nobody who takes traffic, the other gets all of it.
    Endpoints tagged ``apart`` (backups) take no part. Whose weight stays is the same object.
    """
    part = [e for e in endpoints if e.weight and e.state == "ready"]
    old, new = parted(parted(part, apart)[0] if apart else part, tag)
    if not new or not old:
        return endpoints
    weights = _weights(new, old, percent / (100 - percent) if percent < 100 else inf)
    return [_weighing(e, weights[id(e)]) if id(e) in weights else e for e in endpoints]


def _weights(new: Sequence[Endpoint], old: Sequence[Endpoint], ratio: float) -> dict[int, int]:
    """Of those whose weight may change, by the object's id; ``ratio`` is that of new to old."""
    if ratio == inf:
        return {id(endpoint): 0 for endpoint in old}
    total = ratio * _total(old)
    most = _total(new) * MAX_WEIGHT // max(endpoint.weight for endpoint in new)
    if total > most:
        others = {id(e): max(1, round(e.weight * most / total)) for e in old}
        return others | _portions(new, most)
    times = _times(total, old)
    others = {id(endpoint): endpoint.weight * times for endpoint in old if times > 1}
    return others | _portions(new, min(most, max(1, round(total * times))) if total else 0)


def _total(endpoints: Sequence[Endpoint]) -> int:
    return sum(endpoint.weight for endpoint in endpoints)


def _times(total: float, others: Sequence[Endpoint]) -> int:
    """What the weights of ``others`` are multiplied by where ``total`` would be less than 1."""
    room = MAX_WEIGHT // max(endpoint.weight for endpoint in others)
    if not total or total * room < 1:
        return room if total else 1
    return max(1, ceil(1 / total))


def _portions(endpoints: Sequence[Endpoint], total: int) -> dict[int, int]:
    """``total`` in whole numbers that are as the weights are to each other, by the object's id."""
    whole = _total(endpoints)
    sums = accumulate((endpoint.weight for endpoint in endpoints), initial=0)
    marks = [(2 * mark * total + whole) // (2 * whole) for mark in sums]
    return {id(e): high - low for e, (low, high) in zip(endpoints, pairwise(marks), strict=True)}


@lru_cache(maxsize=65536)
def _weighing(endpoint: Endpoint, weight: int) -> Endpoint:
    return endpoint if endpoint.weight == weight else replace(endpoint, weight=weight)
