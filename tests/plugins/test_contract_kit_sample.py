"""The sample plugin lives outside the tree, is found by its entry point, and keeps the contract."""

import pytest

from support.installed_sample import Installed, installed

__all__ = ["installed"]


def test_the_sample_is_found_through_its_entry_point(installed: Installed) -> None:
    run = installed.run(
        "-c",
        "from lbdisc.plugins import Plugins\n"
        "plugins = Plugins.load()\n"
        "for offer in plugins.offers:\n"
        "    if offer.provider.name == 'sqlite': print(offer.kind, offer.plugin)\n",
    )
    assert run.stdout.splitlines() == [
        "discovery sqlite (lbdisc-sqlite)",
        "registrar sqlite (lbdisc-sqlite)",
    ], run.stderr


@pytest.mark.seldom
@pytest.mark.timeout(240)  # the whole contract, with leases that have to run out
def test_the_sample_keeps_the_contract(installed: Installed) -> None:
    outcomes = installed.outcomes()
    assert {test for test, outcome in outcomes.items() if outcome == "fail"} == set()
    assert [*outcomes.values()].count("pass") > 50
