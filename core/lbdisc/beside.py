"""What a reloader says of the files that its load balancer reads and lbdisc does not write."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesBeside:
    """How these files are now, against what the load balancer has read of them.

    ``folders`` are where a change may make one of them another. ``changed`` can be brought in by an
    apply; of ``refused``, with the reason in one line each, what was read before stays in use. The
    next look is worth it in ``again`` seconds, ``None`` if not before something changes.
    """

    folders: frozenset[Path] = frozenset()
    changed: tuple[Path, ...] = ()
    refused: tuple[tuple[Path, str], ...] = ()
    again: float | None = None
