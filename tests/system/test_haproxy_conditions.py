"""What lbdisc is sure of in conditions, HAProxy itself decides the same way: `haproxy -cc`."""

import subprocess

import pytest

from lbdisc.haproxy.language.conditions import evaluated
from support.haproxies import VERSIONS, place

EXPRESSIONS = (
    *("1", "0", "-1", "00", "!0", "!!1", "!1", "1 && 0", "1 || 0", "0 || 0 || 1", "1&&1"),
    *("1 || 0 && 0", "(1 || 0) && 0", "!(1 && 0)", "! 0", "((1))", "0 && defined(HOME)"),
    *("1 || defined(HOME)", "streq(a,a)", "streq(a,b)", "strneq(a,b)", "strneq(a,a)", "streq(,)"),
    *("streq(a,A)", "!streq(a,b) && 1"),
    *("version_atleast(2.4)", "version_atleast(2.6)", "version_before(2.6)", "version_before(1.8)"),
)


@pytest.mark.parametrize("version", VERSIONS)
def test_haproxy_decides_as_lbdisc_does(version: str) -> None:
    with place(version) as here:
        told = {
            expression: subprocess.run([here.binary, "-cc", expression], check=False).returncode
            for expression in EXPRESSIONS
        }
    assert {expression: evaluated(expression) for expression in EXPRESSIONS} == {
        expression: code == 0 for expression, code in told.items()
    }
