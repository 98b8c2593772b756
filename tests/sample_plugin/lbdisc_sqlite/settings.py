"""``[sqlite]``: the table of the settings file."""

from dataclasses import dataclass
from pathlib import Path

from lbdisc.fields import Seconds, described


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteSettings:
    """Where the database is, and the pace."""

    path: Path = described("the database's file", Path("/var/lib/lbdisc/endpoints.db"))
    ttl: Seconds = described("how long a registrar's row outlives it, in seconds", 10.0)
    poll: Seconds = described("time between two looks at the table, in seconds", 0.1)
