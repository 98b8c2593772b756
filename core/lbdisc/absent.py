"""A service that the settings name and the registry has nothing of, while it has others: a typo?"""

from collections.abc import Sequence
from dataclasses import dataclass

from lbdisc.errors import nearest, shown
from lbdisc.values import Snapshot

NAMED = 10  # services that a message names; of more it tells the count


@dataclass(frozen=True, slots=True, order=True)
class AbsentService:
    """``service`` has no endpoint; the registry has ``others``, which the settings do not name."""

    service: str
    others: tuple[str, ...]

    def __str__(self) -> str:
        named = ", ".join(self.others[:NAMED])
        more = f" and {len(self.others) - NAMED} more" if len(self.others) > NAMED else ""
        return (
            f"services names {shown(self.service)}, of which the registry has no endpoint"
            f"{nearest(self.service, self.others)}; it has endpoints of {named}{more}"
        )


def absent_services(snapshot: Snapshot, services: Sequence[str]) -> tuple[AbsentService, ...]:
    """Those of ``services`` that ``snapshot``, the whole registry, has nothing of.

    None where it has no other service either: then nodes are still to come.
    """
    listed = snapshot.public.services
    others = tuple(name for name in listed if name not in services)
    missing = (name for name in services if name not in listed)
    return tuple(AbsentService(name, others) for name in missing) if others else ()
