"""A measure of the comparison on one way, and what it wrote."""

import tempfile
from pathlib import Path

from lbdisc_compare.contenders.catalogue import all_contenders
from lbdisc_compare.hosts.host import HostSet
from lbdisc_compare.hosts.loopback import LoopbackHosts
from lbdisc_compare.measures.measure import Measure, Scale, Sitting
from lbdisc_compare.records import Happening, Noted, Sample


def measured(
    way: str, measure: Measure, *, nodes: int = 4, hosts: HostSet | None = None
) -> list[Noted]:
    """Its lines; on loopback addresses, in a folder whose path is short enough for sockets."""
    found: list[Noted] = []
    with tempfile.TemporaryDirectory(prefix="lbf-") as folder:
        sitting = Sitting(
            way=way,
            measure=measure.name,
            round=0,
            scale=Scale(quick=True, nodes=nodes),
            hosts=hosts or LoopbackHosts(Path(folder)),
            seed=1,
            write=found.append,
        )
        measure.run(next(one for one in all_contenders() if one.name == way), sitting)
    return found


def values(found: list[Noted], figure: str, **where: object) -> list[float]:
    """Of the samples of ``figure`` under these conditions."""
    samples = [one for one in found if isinstance(one, Sample) and one.figure == figure]
    return [one.value for one in samples if where.items() <= dict(one.where).items()]


def happened(found: list[Noted], what: str) -> list[Happening]:
    return [one for one in found if isinstance(one, Happening) and one.what == what]
