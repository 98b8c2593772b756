"""Until when the certificates hold that HAProxy reads: it loads one that has ended all the same."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lbdisc.examining import Diagnosis, fail, ok, warn
from lbdisc.haproxy.beside.beside import FileNames
from lbdisc.haproxy.parts import Parts
from lbdisc.rendered import Rendered
from lbdisc.validity import flaw

SOON = timedelta(days=7)
MOST = 1000  # files that are read
NAMED = 5  # of the same kind; of more the count is told
_RENEW = "renew it: lbdisc brings the new file in, without a reload"


def expiring(parts: Parts, config: Path, now: datetime | None = None) -> Iterator[Diagnosis]:
    """Of what ``bind`` and ``server`` lines of ``config``, and what is beside it, name as ``crt``.

    Raises ``OSError`` where ``config`` cannot be read.
    """
    when = now or datetime.now(UTC)
    ended, ending, good, hidden = list[str](), list[str](), 0, 0
    for path in _certificates(parts, config)[:MOST]:
        try:
            pem = path.read_bytes()
        except OSError:
            hidden += 1
            continue
        if why := flaw(pem, when):
            ended.append(f"{path}: {why}")
        elif why := flaw(pem, when + SOON):
            ending.append(f"{path}: {why.replace('expired', 'expires')}")
        else:
            good += 1
    yield from (fail(f"certificate {text}", _RENEW) for text in _some(ended))
    yield from (warn(f"certificate {text}", _RENEW) for text in _some(ending))
    if good:
        yield ok(f"{good} certificates hold for more than {SOON.days} days")
    if hidden:
        yield ok(f"{hidden} certificates are not there, or not ours to read")


def _some(texts: list[str]) -> list[str]:
    more = len(texts) - NAMED
    return [*texts[:NAMED], *([f"and {more} more"] if more > 0 else [])]


def _certificates(parts: Parts, config: Path) -> list[Path]:
    text = config.read_text(errors="replace")
    parts.around.learn()
    model = parts.around.of(config).parse(text)
    names = FileNames.of(config, Rendered(text), model, parts.workers.surroundings)
    found = names.on_disk().items()
    return sorted(path for path, its in found if "certificate" in its.uses and its.owner is None)
