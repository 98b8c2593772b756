"""Which ways and measures were asked for, and whether this machine can take them."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from lbdisc.errors import SettingsError
from lbdisc_compare.contenders.catalogue import ALIASES, all_contenders
from lbdisc_compare.contenders.contender import Contender
from lbdisc_compare.measures.catalogue import all_measures
from lbdisc_compare.measures.measure import Measure

LEAST = 2  # nodes: with one, a fault of half of them is a fault of all


class HasName(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=HasName)


# What a first impression is of, unless something else is named: one of each kind, in minutes.
QUICK_WAYS = "file,serf-lan,etcd,zookeeper,doozer,dns-tuned,traefik,envoy"
QUICK_MEASURES = "join,start,half"


def chosen_ways(text: str, *, quick: bool = False) -> tuple[Contender, ...]:
    """Those that ``text`` names, all for an empty one. Raises ``SettingsError``."""
    asked = text.strip() or (QUICK_WAYS if quick else "")
    return _chosen("--ways", asked, all_contenders(), ALIASES)


def chosen_measures(text: str, *, quick: bool = False) -> tuple[Measure, ...]:
    """The same for measures. Raises ``SettingsError``."""
    asked = text.strip() or (QUICK_MEASURES if quick else "")
    return _chosen("--only", asked, all_measures(), {})


def _chosen(
    option: str, text: str, known: Sequence[N], aliases: Mapping[str, str]
) -> tuple[N, ...]:
    asked = [aliases.get(word, word) for word in text.replace(",", " ").split()]
    names = [one.name for one in known]
    for word in asked:
        if word not in names:
            raise SettingsError(_unknown(option, word, [*names, *aliases]))
    return tuple(one for one in known if one.name in asked) if asked else tuple(known)


def _unknown(option: str, word: str, names: Iterable[str]) -> str:
    known = sorted(names)
    near = difflib.get_close_matches(word, known, 1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    return f"{option}: there is no {word!r}; {meant}known: {', '.join(known)}"


def check_nodes(nodes: int, most: int, why: str) -> None:
    """Raises ``SettingsError`` unless so many nodes can be had for real."""
    if nodes < LEAST:
        raise SettingsError(f"--nodes {nodes}: at least {LEAST}")
    if nodes > most:
        raise SettingsError(
            f"--nodes {nodes}: this machine takes up to {most} for real ({why}); the report "
            "simulates what is beyond"
        )
