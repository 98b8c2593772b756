"""What the report says beyond this machine: bounds that are passed, and proof."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from lbdisc_compare.records import Simulated
from lbdisc_compare.report.outgrowing import BOUNDS, Crossing, outgrown
from lbdisc_compare.report.page import Report, composed, page, summary
from lbdisc_compare.simulation.limits import LIMITS
from support.compare_samples import KNOWN, cell, header, reading, samples


def curve(
    way: str, figure: str, unit: str, points: Mapping[int, float], **where: object
) -> list[Simulated]:
    return [
        Simulated(
            way=way,
            measure="simulation",
            figure=figure,
            value=value,
            unit=unit,
            where={"nodes": nodes, **where},
        )
        for nodes, value in points.items()
    ]


def crossings(points: list[Simulated]) -> list[Crossing]:
    return [one for protocol in outgrown(points) for one in protocol.crossings]


def beside(path: Path, real: list[float], simulated: float, busy: float = 0.02) -> Report:
    its = samples("etcd", real, measure="validate", figure="detection_all", unit="s", nodes=10)
    model = Simulated(
        way="etcd",
        measure="validate",
        figure="detection_all",
        value=simulated,
        unit="s",
        where={"nodes": 10},
    )
    lines = [header(), *cell("etcd", "validate", *its, busy=busy), model]
    return composed(reading(path / "samples.ndjson", lines), KNOWN, "./samples.ndjson")


def test_a_bound_is_passed_at_the_first_simulated_size_beyond_it() -> None:
    points = curve(
        "lease", "server_requests", "requests/s", {1000: 300, 10_000: 3000, 100_000: 30_000}
    )
    (found,) = crossings(points)
    assert (found.within, found.nodes, found.value) == (10_000, 100_000, 30_000)


def test_a_bound_that_is_not_passed_names_the_largest_size() -> None:
    (found,) = crossings(curve("lease", "server_requests", "requests/s", {10: 3, 1000: 300}))
    assert (found.within, found.nodes, found.value) == (1000, None, 300)


def test_a_size_that_is_beyond_while_larger_ones_are_within_is_no_limit() -> None:
    points = curve("gossip-local", "join_99", "s", {10: 4.0, 50: 25.0, 100: 3.0, 1000: 0.5})
    (found,) = crossings(points)
    assert (found.within, found.nodes, found.bumps) == (1000, None, (50,))


def test_each_number_of_balancers_that_passes_has_its_size() -> None:
    points = [
        *curve("session", "server_bytes", "bytes/s", {10: 1e6, 100: 2e8}, balancers=1000),
        *curve("session", "server_bytes", "bytes/s", {10: 1e5, 100: 2e7}, balancers=100),
    ]
    (found,) = crossings(points)
    assert (found.where, found.nodes) == ("1000 balancers", 100)


def test_curves_that_pass_alike_are_told_once() -> None:
    points = [
        *curve("lease", "server_requests", "requests/s", {10: 3, 100: 30_000}, balancers=2),
        *curve("lease", "server_requests", "requests/s", {10: 3, 100: 30_000}, balancers=10),
    ]
    assert [one.where for one in crossings(points)] == ["2 balancers to 10 balancers"]


def test_of_median_and_quantile_the_quantile_counts() -> None:
    points = [
        *curve("gossip-lan", "detection_all", "s", {10: 5.0, 1000: 50.0}, of="median"),
        *curve("gossip-lan", "detection_all", "s", {10: 9.0, 1000: 70.0}, of="p95"),
    ]
    (found,) = crossings(points)
    assert (found.where, found.value) == ("95 % quantile", 70.0)


def test_every_bound_says_who_says_so() -> None:
    assert all(bound.why and bound.most > 0 for bound in BOUNDS)


def test_documents_words_and_sources_are_in_page_and_summary(tmp_path: Path) -> None:
    report = beside(tmp_path, [10.0], 10.0)
    text = page(report)
    assert [one.source for one in LIMITS if one.source.replace("'", "&#39;") not in text] == []
    assert "Where you outgrow one registry" in summary(report)


@pytest.mark.parametrize(
    ("simulated", "far"), [(10.0, False), (12.4, False), (12.6, True), (7.4, True)]
)
def test_a_simulation_that_is_beside_by_more_than_a_quarter_is_marked(
    tmp_path: Path, simulated: float, far: bool
) -> None:
    report = beside(tmp_path, [9.0, 10.0, 11.0], simulated)
    assert [one.far for one in report.validations] == [far]
    assert ("▲ beyond 25%" in page(report)) is far


def test_a_busy_machine_refuses_the_ratio_of_both(tmp_path: Path) -> None:
    assert beside(tmp_path, [10.0], 99.0, busy=0.9).validations[0].ratio is None


def test_what_stands_beside_the_real_thing_is_in_no_curve(tmp_path: Path) -> None:
    assert beside(tmp_path, [10.0], 10.0).beyond == ()


def test_measured_and_simulated_share_no_column(tmp_path: Path) -> None:
    text = page(beside(tmp_path, [10.0, 10.0], 12.0))
    table = text.split('id="validation"')[1].split("</table>")[0]
    row = table.split("<tbody>")[1].split("<td")
    assert ["data-simulated" in one for one in row if "<data" in one] == [False, False, True]
