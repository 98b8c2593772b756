"""The contract: what every backend of lbdisc promises, as a suite of tests."""

from collections.abc import Iterator

import pytest

from lbdisc.testing.backend import Backend
from lbdisc.testing.promises.entries import EntryPromises
from lbdisc.testing.promises.faults import FaultPromises
from lbdisc.testing.promises.limits import LimitPromises
from lbdisc.testing.promises.names import NamePromises
from lbdisc.testing.promises.puts import PutPromises
from lbdisc.testing.promises.registrars import RegistrarPromises
from lbdisc.testing.promises.state import StatePromises
from lbdisc.testing.subject import Suite


# pytest collects the last base first.
class ContractSuite(
    LimitPromises,
    FaultPromises,
    NamePromises,
    PutPromises,
    RegistrarPromises,
    EntryPromises,
    StatePromises,
    Suite,
):
    """What every backend promises. Override the fixture ``backend``; see ``Suite``."""

    @pytest.fixture
    def backend(self) -> Iterator[Backend]:
        """An empty registry, for one test."""
        raise NotImplementedError(f"{type(self).__name__}: override the fixture 'backend'")


class ConnectionSuite(FaultPromises, Suite):
    """The promises that depend on how the registry is reached: for TLS, logins and clusters.

    For a further test class of a backend that passes the ``ContractSuite`` without these; what an
    entry says is read and written by the same code.
    """

    @pytest.fixture
    def backend(self) -> Iterator[Backend]:
        """An empty registry, for one test."""
        raise NotImplementedError(f"{type(self).__name__}: override the fixture 'backend'")

    test_state_at_start_comes_first = StatePromises.test_state_at_start_comes_first
    test_added_endpoint_is_published = StatePromises.test_added_endpoint_is_published
    test_removed_endpoint_is_left_out = StatePromises.test_removed_endpoint_is_left_out
    test_clean_leave_is_draining_first = RegistrarPromises.test_clean_leave_is_draining_first
    test_crash_is_seen = RegistrarPromises.test_crash_is_seen
    test_what_is_put_is_there = PutPromises.test_what_is_put_is_there
    test_anothers_entry_is_left_alone = PutPromises.test_anothers_entry_is_left_alone
    test_entry_is_taken_up_again = PutPromises.test_entry_is_taken_up_again
    test_first_of_one_name_holds = NamePromises.test_first_of_one_name_holds
    test_a_cut_gives_no_name_away = NamePromises.test_a_cut_gives_no_name_away
    test_stopped_discovery_leaves_nothing = LimitPromises.test_stopped_discovery_leaves_nothing
    test_stopped_registrar_leaves_nothing = LimitPromises.test_stopped_registrar_leaves_nothing
    test_stops_while_cut_off = LimitPromises.test_stops_while_cut_off
    test_stops_while_stalled = LimitPromises.test_stops_while_stalled
