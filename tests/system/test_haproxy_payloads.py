"""Orders with a payload, told to every HAProxy that is had."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.haproxy.errors import Refused
from lbdisc.haproxy.sockets.contents import (
    AbortStored,
    AddToAcl,
    AddToMap,
    Commit,
    CommitStored,
    Prepare,
    SetStored,
)
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.processes import free_port
from support.certificates import certified
from support.haproxies import VERSIONS, Place, place


@pytest.fixture(scope="module", params=VERSIONS)
def here(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param) as found:
        yield found


@pytest.fixture(scope="module")
def pem(here: Place) -> Path:
    return here.write(certified("one.test"), "site.pem")


@pytest.fixture(scope="module")
def runtime(here: Place, pem: Path) -> Iterator[Runtime]:
    table, list_ = here.write("old 1\n", "a.map"), here.write("10.0.0.1\n", "a.acl")
    body = (
        f"frontend f\n  bind 127.0.0.1:{free_port()} ssl crt {pem}\n"
        f"  http-request deny if {{ src -f {list_} }}\n"
        f"  http-request set-header x %[req.hdr(a),map({table})]\n"
    )
    with here.running(here.text(body)) as running:
        yield running.runtime


def test_a_certificate_of_many_lines_is_told_and_committed(runtime: Runtime, pem: Path) -> None:
    other = certified("two.test").replace("-----END", "\n-----END")  # blank lines do not count
    runtime.run([SetStored(str(pem), content=other), CommitStored(str(pem))])
    assert "two.test" in runtime.ask(f"show ssl cert {pem}")


def test_a_transaction_is_forgotten_on_demand(runtime: Runtime, pem: Path) -> None:
    runtime.run([SetStored(str(pem), content=certified("three.test")), AbortStored(str(pem))])
    assert "three.test" not in runtime.ask(f"show ssl cert {pem}")


def test_what_is_no_certificate_is_refused_in_haproxys_words(runtime: Runtime, pem: Path) -> None:
    with pytest.raises(Refused, match="unable to load certificate"):
        runtime.run([SetStored(str(pem), content="rubbish")])
    assert runtime.info().name == "HAProxy"  # the next answer is that of the next question


def test_a_map_and_a_list_are_replaced_as_a_whole(runtime: Runtime, here: Place) -> None:
    table, list_ = f"{here.folder}/a.map", f"{here.folder}/a.acl"
    lines = tuple(f"key{number} value ; > + {number}" for number in range(300))
    version = (order := Prepare(table, "map")).version(runtime.run([order])[0])
    runtime.run([AddToMap(table, version, lines), Commit(table, version, "map")])
    found = [row.split(" ", 1)[1] for row in runtime.ask(f"show map {table}").split("\n") if row]
    assert sorted(found) == sorted(lines)
    version = (order := Prepare(list_, "acl")).version(runtime.run([order])[0])
    runtime.run([AddToAcl(list_, version, "10.0.0.2"), Commit(list_, version, "acl")])
    assert [row.split()[1] for row in runtime.ask(f"show acl {list_}").split("\n") if row] == [
        "10.0.0.2"
    ]
