"""The settings of the listener, and the listener itself once it is wanted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from lbdisc.fields import described
from lbdisc.hooks import Listener


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySettings:
    """``[history]``: what is kept of what happened to the load balancer."""

    folder: Path = described(
        "the journal's folder, of one agent alone; it may hold secrets", Path("{state_dir}/history")
    )
    max_mb: Annotated[int, Field(ge=1, le=100_000)] = described(
        "the most that the journal and the texts take, in 1,000,000 bytes; the oldest go first", 100
    )
    max_age_days: Annotated[float, Field(gt=0, le=3650, allow_inf_nan=False)] = described(
        "the age in days at which they go in any case", 14.0
    )


def listener(settings: HistorySettings) -> Listener:
    """Writes the journal."""
    from lbdisc_history.recorder import HistoryRecorder

    return HistoryRecorder(settings)
