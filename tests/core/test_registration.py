"""The life of a registration, against a registry in memory."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from queue import Queue
from threading import Event

import pytest

from lbdisc.builtin.journal.journal import Journal
from lbdisc.errors import LbdiscError, RegistrarError, SettingsError, WriteRefused
from lbdisc.events import EntryRefused, EntryRegistered, EntryStays, ProgramStopping
from lbdisc.handshake import DRAIN_TAG, begun
from lbdisc.listening.listeners import Listeners
from lbdisc.register.child import Child, CommandError
from lbdisc.register.draining import Drain
from lbdisc.register.registration import Registration
from lbdisc.settings.tables import AgentSettings, RegisterSettings
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint
from support.ledger import LEASE, Ledger
from support.notes import Notes

ENDPOINT = Endpoint(service="web", name="one", address="127.0.0.1", port=3000)
QUICK = RegisterSettings(interval=0.01, timeout=5.0, rise=1, fall=2, stop_timeout=10.0)
PATIENT = replace(QUICK, drain_timeout=600.0)
PACE = AgentSettings(retry_first=0.01, retry_most=0.02)
LOOP = ": > {folder}/on; while :; do sleep 0.01; done"


# pytest tells of every thread that ends by an exception; here that is the point.
DYING = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


class Running:
    """A registration in a thread."""

    def __init__(self, registration: Registration) -> None:
        self.registration = registration
        self._outcome: Queue[int | Exception] = Queue()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.registration.start()
            self._outcome.put(self.registration.run())
        except LbdiscError as error:
            self._outcome.put(error)

    def send(self, number: int = signal.SIGTERM) -> None:
        self.registration.signal(number)

    def outcome(self) -> int | Exception:
        outcome = self._outcome.get(timeout=30)
        self._thread.join(30)
        return outcome

    def stop(self) -> int | Exception:
        self.send()
        return self.outcome()


class Life:
    """Makes registrations whose health the test decides."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger = Ledger()
        self.why = ""
        self.endpoint = ENDPOINT
        self.running: list[Running] = []
        self.notes = Notes()

    def begin(
        self,
        script: str = "",
        *,
        settings: RegisterSettings = QUICK,
        drain: Drain | None = None,
        check: Callable[[Endpoint], str] | None = None,
    ) -> Running:
        registration = Registration(
            settings,
            endpoint=lambda: self.endpoint,
            registrar=self.ledger,
            check=check or (lambda endpoint: self.why),
            child=Child(["sh", "-c", script]) if script else None,
            pace=PACE,
            drain=drain,
            listeners=Listeners([Journal(), self.notes]),
            backend="ledger",
        )
        self.running.append(Running(registration))
        return self.running[-1]

    def until(self, state: str) -> None:
        eventually(lambda: self.ledger.state.startswith(state), what=state)

    def script(self, trap: str) -> str:
        """A COMMAND that does ``trap`` at SIGTERM, and makes the file ``on`` once it would."""
        return f"trap '{trap}' TERM; " + LOOP.format(folder=self.folder)

    def until_on(self) -> None:
        eventually((self.folder / "on").exists)


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    life = Life(tmp_path)
    before = set(threading.enumerate())
    yield life
    life.ledger.may_go.set()
    for running in life.running:
        running.registration.signal(signal.SIGTERM)
        running._thread.join(30)
    eventually(lambda: set(threading.enumerate()) <= before, what="no thread is left")


def test_registered_while_healthy_and_gone_after_a_clean_leave(life: Life) -> None:
    running = life.begin()
    life.until("ready")
    assert running.stop() == 0
    assert life.ledger.told == ["ready 127.0.0.1", "draining 127.0.0.1", "gone"]


def test_not_registered_before_the_check_passes(life: Life) -> None:
    seen = Event()

    def check(endpoint: Endpoint) -> str:
        seen.set()
        return "starting"

    running = life.begin(check=check)
    assert seen.wait(30)
    assert running.stop() == 0
    assert life.ledger.told == []


def test_leaves_when_checks_fail_and_comes_back(life: Life) -> None:
    life.begin()
    life.until("ready")
    life.why = "broken"
    life.until("gone")
    life.why = ""
    life.until("ready")
    assert life.ledger.told[-2:] == ["gone", "ready 127.0.0.1"]


def test_healthy_again_while_still_leaving_comes_back(life: Life) -> None:
    asked: Queue[str] = Queue()

    def check(endpoint: Endpoint) -> str:
        asked.put(life.why)
        return life.why

    life.begin(check=check)
    life.until("ready")
    life.ledger.may_go.clear()
    life.why = "broken"
    assert life.ledger.leaving.wait(30)
    life.why = ""
    while asked.get(timeout=30) != "broken":
        pass
    while asked.get(timeout=30) == "broken":
        pass
    asked.get(timeout=30)  # the pass before this one has been taken, or will be before "left"
    life.ledger.may_go.set()
    life.until("ready")
    assert life.ledger.told[-2:] == ["gone", "ready 127.0.0.1"]


@DYING
def test_a_checker_that_dies_takes_the_endpoint_out(life: Life) -> None:
    def check(endpoint: Endpoint) -> str:
        if life.why:
            raise SystemExit
        return ""

    life.begin(check=check)
    life.until("ready")
    life.why = "die"
    life.until("gone")


def test_a_changed_address_is_published(life: Life) -> None:
    life.begin()
    life.until("ready 127.0.0.1")
    life.endpoint = replace(ENDPOINT, address="127.0.0.2")
    life.until("ready 127.0.0.2")


def test_a_registry_that_comes_late_is_used_when_it_is_there(life: Life) -> None:
    life.ledger.trouble = RegistrarError("down")
    running = life.begin()
    eventually(lambda: running.registration._standing.trouble == "down")
    life.ledger.trouble = None
    life.until("ready")
    assert running.stop() == 0


def test_a_registrar_that_breaks_is_tried_again(life: Life) -> None:
    life.ledger.trouble = ZeroDivisionError()
    running = life.begin()
    eventually(lambda: "ZeroDivisionError" in running.registration._standing.trouble)
    life.ledger.trouble = None
    life.until("ready")


def test_settings_that_cannot_work_end_it_with_their_error(life: Life) -> None:
    life.ledger.trouble = SettingsError("no such user")
    outcome = life.begin().outcome()
    assert isinstance(outcome, SettingsError)
    assert (str(outcome), outcome.exit_code) == ("no such user", 2)


def test_what_was_registered_outlives_settings_that_do_not_work_any_more(life: Life) -> None:
    running = life.begin()
    life.until("ready")
    lose_the_registry(life, running, SettingsError("another password"))
    assert running.stop() == 0


def test_a_registry_problem_never_stops_a_healthy_command(life: Life) -> None:
    life.ledger.trouble = SettingsError("no such user")
    running = life.begin(life.script("exit 9"))
    life.until_on()
    eventually(lambda: running.registration._standing.trouble == "no such user")
    assert running.stop() == 9


def test_commands_end_is_a_leave_and_its_exit_code_ours(life: Life, tmp_path: Path) -> None:
    running = life.begin(f"while [ ! -e {tmp_path}/end ]; do sleep 0.01; done; exit 7")
    life.until("ready")
    (tmp_path / "end").touch()
    assert running.outcome() == 7
    assert life.ledger.state == "gone"


def test_a_command_that_is_killed_gives_128_and_the_signal(life: Life) -> None:
    assert life.begin("kill -9 $$").outcome() == 137


def test_a_missing_command_registers_nothing(life: Life) -> None:
    registration = Registration(
        QUICK,
        endpoint=lambda: ENDPOINT,
        registrar=life.ledger,
        check=lambda endpoint: "",
        child=Child(["no-such-program"]),
    )
    with pytest.raises(CommandError):
        registration.start()
    assert life.ledger.told == []


def test_command_is_told_only_after_the_endpoint_is_gone(life: Life) -> None:
    running = life.begin(life.script(f"echo told > {life.folder}/told; exit"))
    life.until_on()
    life.until("ready")
    life.ledger.may_go.clear()
    running.send()
    life.until("draining")
    assert not (life.folder / "told").exists()
    life.ledger.may_go.set()
    assert running.outcome() == 0
    assert (life.folder / "told").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_command_gets_the_signal_that_we_got(life: Life, number: signal.Signals) -> None:
    name = number.name.removeprefix("SIG")
    loop = LOOP.format(folder=life.folder)
    running = life.begin(f"trap 'exit 5' {name}; trap 'exit 6' TERM; {loop}")
    life.until_on()
    running.send(number)
    assert running.outcome() == 5


def test_a_command_that_does_not_stop_is_killed(life: Life) -> None:
    running = life.begin(life.script(""), settings=replace(QUICK, stop_timeout=0.1))
    life.until_on()
    assert running.stop() == 137


@pytest.mark.parametrize("name", ["HUP", "USR1", "USR2", "WINCH"])
def test_other_signals_are_only_passed_on(life: Life, name: str) -> None:
    script = f"trap ': > {life.folder}/{name}' {name}; " + life.script("exit 4")
    running = life.begin(script)
    life.until_on()
    running.send(getattr(signal, f"SIG{name}"))
    eventually((life.folder / name).exists)
    assert running.stop() == 4


def test_a_hangup_without_a_command_is_a_clean_end(life: Life) -> None:
    running = life.begin()
    life.until("ready")
    running.send(signal.SIGUSR1)
    running.send(signal.SIGHUP)
    assert running.outcome() == 0
    assert life.ledger.state == "gone"


class Agents:
    """Load balancers that let go when told to."""

    def __init__(self) -> None:
        self.asked: Queue[Endpoint] = Queue()
        self.deadline = 0.0
        self.done = Event()

    def wait(self, endpoint: Endpoint, deadline: float, hurry: Event) -> None:
        self.deadline = deadline
        self.asked.put(endpoint)
        while not (self.done.wait(0.01) or hurry.is_set()):
            pass


def test_the_endpoint_drains_until_the_agents_let_go(life: Life) -> None:
    agents = Agents()
    running = life.begin(drain=agents)
    life.until("ready")
    running.send()
    asked = agents.asked.get(timeout=30)
    assert asked == begun(ENDPOINT, asked.tag(DRAIN_TAG))
    assert life.ledger.state.startswith("draining")
    agents.done.set()
    assert running.outcome() == 0
    assert life.ledger.state == "gone"


def test_a_second_signal_cuts_the_drain_short(life: Life) -> None:
    agents = Agents()
    running = life.begin(drain=agents)
    life.until("ready")
    running.send()
    agents.asked.get(timeout=30)
    running.send()
    assert running.outcome() == 0
    assert life.ledger.state == "gone"


def test_a_second_signal_keeps_the_order(life: Life) -> None:
    agents = Agents()
    running = life.begin(life.script(f": > {life.folder}/told; exit 3"), drain=agents)
    life.until_on()
    life.until("ready")
    life.ledger.may_go.clear()
    running.send()
    agents.asked.get(timeout=30)
    running.send()
    assert life.ledger.leaving.wait(30)
    assert not (life.folder / "told").exists()
    life.ledger.may_go.set()
    assert running.outcome() == 3


def test_a_second_signal_reaches_a_command_that_is_stopping(life: Life) -> None:
    told = life.folder / "told"
    traps = f"trap ': > {told}' TERM; trap 'exit 8' INT; "
    running = life.begin(traps + LOOP.format(folder=life.folder))
    life.until_on()
    running.send(signal.SIGTERM)
    eventually(told.exists)
    running.send(signal.SIGINT)
    assert running.outcome() == 8


def test_a_drain_ends_at_its_limit(life: Life) -> None:
    agents = Agents()
    running = life.begin(drain=agents, settings=replace(QUICK, drain_timeout=0.2))
    life.until("ready")
    assert running.stop() == 0
    assert life.ledger.state == "gone"
    agents.done.set()


def lose_the_registry(life: Life, running: Running, error: LbdiscError) -> None:
    """After the endpoint was registered."""
    eventually(lambda: running.registration._standing.published)
    life.ledger.trouble = error
    eventually(lambda: running.registration._standing.trouble == str(error))


def test_a_registry_that_is_back_in_time_still_gets_its_drain(life: Life) -> None:
    agents = Agents()
    running = life.begin(drain=agents, settings=PATIENT)
    lose_the_registry(life, running, RegistrarError("down"))
    running.send()
    holder = running.registration._holder
    assert holder is not None
    eventually(holder._draining.is_set)
    back = time.monotonic()
    life.ledger.trouble = None
    agents.asked.get(timeout=30)
    assert agents.deadline <= back + PATIENT.drain_timeout
    agents.done.set()
    assert running.outcome() == 0
    assert life.ledger.told == ["ready 127.0.0.1", "draining 127.0.0.1", "gone"]


def test_a_registry_that_stays_away_is_waited_for_until_the_timeout(life: Life) -> None:
    running = life.begin(settings=replace(QUICK, drain_timeout=0.1))
    lose_the_registry(life, running, RegistrarError("down"))
    assert running.stop() == 0


@pytest.mark.parametrize("error", [RegistrarError("down"), SettingsError("no such user")])
def test_what_was_never_registered_has_nothing_to_drain(life: Life, error: LbdiscError) -> None:
    life.ledger.trouble = error
    running = life.begin(life.script("exit 4"), settings=PATIENT)
    life.until_on()
    eventually(lambda: running.registration._standing.trouble == str(error))
    assert running.stop() == 4


def test_who_waits_for_a_name_of_another_touches_nothing(life: Life) -> None:
    life.ledger.rival = "somebody"
    agents = Agents()
    running = life.begin(settings=PATIENT, drain=agents)
    eventually(lambda: life.ledger.puts > 1)
    assert running.stop() == 0
    assert (life.ledger.told, agents.asked.empty()) == ([], True)
    assert [event.name for event in life.notes.events] == [
        "check passed",
        "another holds this name: waiting",
        "stopping",
    ]


def test_refusals_that_differ_in_numbers_are_one_that_is_counted(life: Life) -> None:
    life.ledger.trouble = RegistrarError("no answer after 1.2 s")
    life.begin()
    eventually(lambda: life.notes.of(EntryRefused))
    life.ledger.trouble = RegistrarError("no answer after 17 s")
    eventually(lambda: life.notes.of(EntryRefused)[-1].error.endswith("17 s"))
    refused = life.notes.of(EntryRefused)
    assert [event.times for event in refused] == list(range(1, len(refused) + 1))
    assert [event.again for event in refused] == [False] + [True] * (len(refused) - 1)


def test_what_happens_is_told_in_order(life: Life) -> None:
    running = life.begin(life.script("exit 4"))
    life.until("ready")
    assert running.stop() == 4
    told = [e.name for e in life.notes.events if e.name != "renewed"]  # that is at any moment
    assert told == [
        "command started",
        "check passed",
        "registered",
        "stopping",
        "draining",
        "left",
        "command ended",
    ]
    assert {str(event.cause) for event in life.notes.of(EntryRegistered)} == {"ledger"}


def test_an_entry_that_readers_see_before_we_know_is_drained(life: Life) -> None:
    agents = Agents()
    life.ledger.may_answer.clear()
    running = life.begin(settings=PATIENT, drain=agents)
    life.until("ready")
    running.send()
    eventually(lambda: life.notes.of(ProgramStopping))
    life.ledger.may_answer.set()
    assert agents.asked.get(timeout=30).draining
    agents.done.set()
    assert running.outcome() == 0
    assert life.ledger.state == "gone"


def test_a_name_that_is_free_is_registered(life: Life) -> None:
    life.ledger.rival = "somebody"
    life.begin()
    eventually(lambda: life.ledger.puts > 1)
    life.ledger.rival = ""
    life.ledger.tell()
    life.until("ready")


def test_a_registry_that_takes_no_writes_is_not_waited_for(life: Life) -> None:
    agents = Agents()
    running = life.begin(settings=PATIENT, drain=agents)
    lose_the_registry(life, running, WriteRefused("no space"))
    assert running.stop() == 0
    assert agents.asked.empty()
    assert [event.within_s for event in life.notes.of(EntryStays)] == [LEASE]


def test_a_registry_that_only_an_operator_can_help_is_not_waited_for(life: Life) -> None:
    running = life.begin(life.script("exit 4"), settings=PATIENT)
    life.until_on()
    lose_the_registry(life, running, SettingsError("no such user"))
    assert running.stop() == 4


def test_without_a_drain_timeout_nobody_is_waited_for(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    agents = Agents()
    running = life.begin(drain=agents, settings=replace(QUICK, drain_timeout=0.0))
    life.until("ready")
    assert running.stop() == 0
    assert agents.asked.empty()
    assert life.ledger.told == ["ready 127.0.0.1", "draining 127.0.0.1", "gone"]
    assert "warning" not in capsys.readouterr().out


def test_a_command_that_ends_while_draining_is_not_waited_for(life: Life) -> None:
    agents = Agents()
    running = life.begin(
        f"while [ ! -e {life.folder}/end ]; do sleep 0.01; done; exit 3", drain=agents
    )
    life.until("ready")
    running.send()
    agents.asked.get(timeout=30)
    (life.folder / "end").touch()
    assert running.outcome() == 3
    agents.done.set()


def test_a_registry_that_does_not_let_go_does_not_keep_us(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lbdisc.register.registration.LEAVE_LIMIT", 0.1)
    running = life.begin()
    life.until("ready")
    life.ledger.may_go.clear()
    assert running.stop() == 0
