"""What the kit watches and holds with, records with, and finds leaks with."""

import socket
import subprocess
import threading
from pathlib import Path
from threading import Event

import pytest

import lbdisc.testing
from lbdisc.errors import DiscoveryError, SettingsError
from lbdisc.hooks import Publish
from lbdisc.register.holding import End
from lbdisc.testing import Backend, Holding, Leaks, Recorder, RegistrarProcess, Watching
from lbdisc.values import Endpoint, Snapshot
from support.ledger import Ledger

ENDPOINT = Endpoint(service="nodes", name="s1", address="10.0.0.7", port=3000)


class Flaky:
    """Fails once, then publishes what it is given, as a discovery."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def _fail(self) -> None:
        error, self.error = self.error, None
        if error is not None:
            raise error

    def watch(self, publish: Publish, stop: Event) -> None:
        self._fail()
        publish(Snapshot.of([ENDPOINT]))
        stop.wait()


def test_watching_calls_again_after_a_discovery_error() -> None:
    with Watching(Flaky(DiscoveryError("away"))) as watching:
        watching.until(lambda s: len(s) == 1, deadline=10)
    assert (watching.calls, [str(e) for e in watching.errors]) == (2, ["away"])


@pytest.mark.parametrize("error", [SettingsError("wrong"), RuntimeError("broken")])
def test_watching_shows_what_the_core_would_not_retry(error: Exception) -> None:
    with (
        pytest.raises(AssertionError, match=str(error)),
        Watching(Flaky(error)) as watching,
    ):
        watching.until(lambda s: len(s) == 1, deadline=0.1)


def test_watching_that_returns_by_itself_is_broken() -> None:
    class Gone:
        def watch(self, publish: Publish, stop: Event) -> None:
            publish(Snapshot())

    watching = Watching(Gone()).start()
    with pytest.raises(AssertionError, match="returned before it was stopped"):
        watching.failed(deadline=10)


def test_a_change_while_holding_reaches_the_registrar() -> None:
    ledger = Ledger()
    with Holding(ledger, ENDPOINT) as holding:
        holding.held(deadline=10)
        changed = holding.change(weight=7)
        lbdisc.testing.eventually(lambda: ledger.entry == changed)
    assert holding.said == [ENDPOINT, changed]
    assert holding.end == End(held=True)


def test_holding_knows_who_holds_the_name_instead() -> None:
    ledger = Ledger()
    ledger.rival = "s9"
    with Holding(ledger, ENDPOINT) as holding:
        lbdisc.testing.eventually(lambda: holding.rival == "s9")
    assert (holding.said, holding.end) == ([], End(held=False))


@pytest.mark.parametrize("error", [SettingsError("wrong"), RuntimeError("broken")])
def test_holding_shows_what_the_core_would_not_retry(error: Exception) -> None:
    ledger = Ledger()
    ledger.trouble = error
    with (
        pytest.raises(AssertionError, match=str(error)),
        Holding(ledger, ENDPOINT) as holding,
    ):
        holding.held(deadline=10)


def test_the_recorder_knows_what_became_of_an_endpoint() -> None:
    recorder = Recorder()
    for endpoints in ([ENDPOINT], [ENDPOINT], [ENDPOINT.drain()], []):
        recorder(Snapshot.of(endpoints))
    assert recorder.states_of(ENDPOINT) == ["ready", "draining", "out"]
    assert (recorder.count, recorder.latest) == (4, Snapshot())


def test_the_recorder_tells_what_did_not_come() -> None:
    with pytest.raises(AssertionError, match="two of them was not published within"):
        Recorder().until(lambda s: len(s) == 2, deadline=0.01, what="two of them")


def test_a_bounded_recorder_forgets_the_oldest() -> None:
    recorder = Recorder(keep=2)
    for _ in range(5):
        recorder(Snapshot())
    assert (len(recorder.snapshots), recorder.count) == (2, 5)


def test_a_leaked_thread_socket_or_process_is_named() -> None:
    leaks = Leaks()
    end = Event()
    thread = threading.Thread(target=end.wait, name="leaked", daemon=True)
    thread.start()
    with socket.socket(), subprocess.Popen(["sleep", "60"]) as child:
        found = " ".join(leaks.new())
        child.kill()
    end.set()
    thread.join()
    assert all(word in found for word in ("thread leaked", "socket:[", f"process {child.pid}"))
    leaks.check()


def test_a_descriptor_that_stays_open_is_named(tmp_path: Path) -> None:
    leaks = Leaks()
    with (tmp_path / "left open").open("w"):
        assert any("left open" in one for one in leaks.new())
    leaks.check()


def test_a_registrar_process_that_cannot_begin_says_why(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no plugin offers the registrar 'nothing'"):
        RegistrarProcess("nothing", {}, ENDPOINT, log=tmp_path / "log")


def test_what_a_backend_neither_does_nor_excuses_is_a_failure() -> None:
    class Silent(Backend):
        name = "silent"

        def settings(self) -> dict[str, object]:
            return {}

        def write(self, endpoint: Endpoint) -> None: ...

        def remove(self, endpoint: Endpoint) -> None: ...

    with pytest.raises(NotImplementedError, match=r"Silent\.wipe is missing"):
        Silent().wipe()

    class Excused(Silent):
        cannot = {"wipe": "it is written in stone"}  # noqa: RUF012 - a test's own class

    with pytest.raises(pytest.skip.Exception, match="cannot wipe: it is written in stone"):
        Excused().wipe()


def test_the_kit_exports_what_it_names() -> None:
    assert all(hasattr(lbdisc.testing, name) for name in lbdisc.testing.__all__)
    assert sorted(lbdisc.testing.__all__) == sorted(lbdisc.testing._PLACES)
