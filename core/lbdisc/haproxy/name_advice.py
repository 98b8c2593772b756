"""What a configuration lacks to keep the addresses of host names: HAProxy takes it, pays later."""

import re
from collections.abc import Iterator

from lbdisc.haproxy.language.model import Configuration, Section
from lbdisc.haproxy.planning.servers import Spec, Unfit, canonical_ip, fold
from lbdisc.haproxy.planning.templated import with_templated

# What becomes of a question (configuration manual 5.3.2, "hold"): all but `valid`, which says how
# long an answer counts, and `obsolete`, by which an address that moved is left.
FAILURES = ("nx", "refused", "timeout", "other")
DEFAULT_HOLD = 30.0  # seconds
LONG = 3600.0  # seconds of an outage that nobody should notice
_TIME = re.compile(r"([0-9]{1,12})(us|ms|s|m|h|d)?")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, None: 1e-3}


def of_names(model: Configuration) -> Iterator[str]:
    """One line for each kind of thing that is missing."""
    specs = [spec for spec in _understood(model) if not canonical_ip(spec.host)]
    yield from _of_holds(model, {spec.options["resolvers"][0] for spec in specs if _asks(spec)})
    if without := sorted({s.proxy for s in specs if _asks(s) and not _takes_last(s)}):
        yield (
            f"servers of {', '.join(without[:3])} have 'resolvers' and an 'init-addr' without"
            " 'last': after each reload they are without an address until a name server answers;"
            " let it begin with 'last'"
        )


def _of_holds(model: Configuration, used: set[str]) -> Iterator[str]:
    for section in model.sections:
        asked = section.kind == "resolvers" and section.name in used
        short = {word: held for word in FAILURES if (held := _hold(section, word)) < LONG}
        if asked and short:
            lines = ", ".join(f"'hold {word} 24d'" for word in short)
            yield (
                f"resolvers {section.name}: servers are out when name servers have failed for"
                f" {min(short.values()):g} s; add {lines}"
            )


def _hold(section: Section, failure: str) -> float:
    line = section.last("hold", failure)
    found = _TIME.fullmatch(line.words[2]) if line and len(line.words) > 2 else None
    if line is not None and found is None:
        return LONG  # an environment variable says it
    return int(found[1]) * _SECONDS[found[2]] if found else DEFAULT_HOLD


def _asks(spec: Spec) -> bool:
    return "resolvers" in spec.options


def _takes_last(spec: Spec) -> bool:
    return "last" in spec.options.get("init-addr", ("last,libc",))[0].split(",")


def _understood(model: Configuration) -> Iterator[Spec]:
    for server in with_templated(model).values():
        try:
            yield fold(server)
        except Unfit:  # nothing is known of it
            continue
