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
