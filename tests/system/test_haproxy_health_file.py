"""Health survives a reload through the server-state file, and nothing else does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.haproxy.kept_state import kept_state
from lbdisc.haproxy.language.text import parse
from lbdisc.haproxy.sockets import commands as cmd
from lbdisc.haproxy.sockets.rows import ServerState
from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from support.haproxies import VERSIONS, Place, Running, listener, place


@pytest.fixture(params=VERSIONS)
def here(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param) as found:
        (found.folder / "state").write_text("1\n")
        yield found


def text(here: Place, *servers: str, inter: str = "30s") -> str:
    lines = "".join(f"  server {server}\n" for server in servers)
    whole = here.text(
        "  load-server-state-from-file global\nbackend b\n"
        f"  default-server check inter {inter} downinter 30s fall 1\n{lines}"
    )
    return whole.replace("global\n", f"global\n  server-state-file {here.folder}/state\n", 1)


def reload(running: Running, before: str, after: str) -> dict[str, ServerState]:
    state = Path(parse(after).state_file)
    state.write_text(kept_state(running.runtime.raw_servers(), parse(before), parse(after)))
    running.reload(after)
    return {row.server: row for row in running.runtime.servers()}


def test_a_dead_server_stays_down_and_a_moved_one_starts_anew(here: Place) -> None:
    dead = free_port()
    before = text(here, f"a 127.0.0.1:{dead}", f"m 127.0.0.1:{dead}", inter="50ms")
    with here.running(before) as running, listener() as port:
        eventually(lambda: not any(row.operational for row in running.runtime.servers()))
        after = text(here, f"a 127.0.0.1:{dead}", f"m 127.0.0.1:{port}", f"n 127.0.0.1:{port}")
        rows = reload(running, before, after)
    assert rows["a"].operational == 0
    assert (rows["m"].operational, rows["m"].port) == (2, port)
    assert rows["n"].operational == 2


def test_the_files_weight_wins_over_the_one_set_before(here: Place) -> None:
    with listener() as port:
        heavy, light = text(here, f"a 127.0.0.1:{port} weight 9"), text(here, f"a 127.0.0.1:{port}")
        with here.running(heavy) as running:
            running.runtime.run([cmd.SetWeight("b", "a", 1)])
            rows = reload(running, light, heavy)
    assert rows["a"].weight == 9


def test_a_server_that_waited_in_maintenance_serves_when_it_is_back(here: Place) -> None:
    with listener() as port:
        both = text(here, f"a 127.0.0.1:{port}", f"z 127.0.0.1:{port}")
        one = text(here, f"a 127.0.0.1:{port}")
        with here.running(both) as running:
            running.runtime.run([cmd.SetState("b", "z", "maint")])
            rows = reload(running, one, both)
    assert not rows["z"].in_maintenance
    assert rows["z"].operational == 2


def test_a_slot_that_was_filled_meanwhile_is_still_in_service(here: Place) -> None:
    with listener() as port:
        spare = text(here, f"t 127.0.0.1:{port} disabled")
        used = text(here, f"t 127.0.0.1:{port}")
        with here.running(spare) as running:
            running.runtime.run([cmd.EnableHealth("b", "t"), cmd.SetState("b", "t", "ready")])
            rows = reload(running, used, used)
    assert not rows["t"].in_maintenance
    assert rows["t"].operational == 2


def test_where_checks_go_to_is_taken_from_the_file_without_a_word(here: Place) -> None:
    with listener() as port, listener() as other:
        before = text(here, f"a 127.0.0.1:{port} port {port}", f"b 127.0.0.1:{port} no-check")
        after = text(here, f"a 127.0.0.1:{port} port {other}", f"b 127.0.0.1:{port} no-check")
        with here.running(before) as running:
            rows = reload(running, before, after)
            said = running.runtime.ask("show startup-logs")
    assert rows["a"].raw.split(" ")[21] == str(other)
    assert "server-state" not in said
