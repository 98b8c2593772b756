"""The documents on the contract say what the code does."""

import re
from pathlib import Path

import pytest

from lbdisc.testing import ContractSuite
from lbdisc.testing.backend import ABILITIES, SERVICES

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "sample_plugin"
CONTRACT = (ROOT / "docs" / "contract.md").read_text()
GUIDE = (ROOT / "docs" / "writing-a-plugin.md").read_text()
PROMISES = [name for name in dir(ContractSuite) if name.startswith("test_")]
BLOCKS = dict(re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```\n", GUIDE, re.DOTALL))


@pytest.mark.parametrize("name", PROMISES)
def test_each_promise_is_in_the_contract(name: str) -> None:
    promise = " ".join((getattr(ContractSuite, name).__doc__ or "").split())
    assert f"| {promise} | `{name}` |\n" in CONTRACT


def test_the_contract_lists_no_other_promise() -> None:
    assert sorted(re.findall(r"\| `(test_\w+)` \|\n", CONTRACT)) == sorted(PROMISES)


@pytest.mark.parametrize("ability", ABILITIES)
def test_each_ability_is_in_the_contract(ability: str) -> None:
    assert f"`{ability}`" in CONTRACT


@pytest.mark.parametrize("file", BLOCKS)
def test_the_guide_shows_the_sample_as_it_is(file: str) -> None:
    assert BLOCKS[file] == (SAMPLE / file).read_text()


def test_the_guide_shows_all_of_the_sample() -> None:
    files = {
        str(path.relative_to(SAMPLE))
        for path in SAMPLE.rglob("*")
        if path.suffix in (".py", ".toml") and path.name not in ("conftest.py", "__init__.py")
    }
    assert set(BLOCKS) == files


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_that_is_written_is_in_the_contract(service: str) -> None:
    assert f"`{service}`" in CONTRACT
