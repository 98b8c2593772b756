"""The contract: what every backend of lbdisc promises, as a suite of tests."""

from collections.abc import Iterator
from typing import ClassVar

import pytest

from lbdisc.testing.backend import Backend
from lbdisc.testing.promises.entries import EntryPromises
from lbdisc.testing.promises.faults import FaultPromises
from lbdisc.testing.promises.limits import LimitPromises
from lbdisc.testing.promises.names import NamePromises
from lbdisc.testing.promises.puts import PutPromises
from lbdisc.testing.promises.registrars import RegistrarPromises
from lbdisc.testing.promises.state import StatePromises


# pytest collects the last base first.
class ContractSuite(
    LimitPromises,
    FaultPromises,
    NamePromises,
    PutPromises,
    RegistrarPromises,
    EntryPromises,
    StatePromises,
):
    """Every promise is a test; its docstring is the promise.

    A backend's test file is a subclass named ``Test…`` that sets ``plugin`` and overrides the
    fixture ``backend``. A promise a backend cannot keep is named in ``Backend.cannot``; one that it
    does not keep yet is overridden as ``xfail`` with a reason, never removed.
    """

    plugin: ClassVar[str]
    """The column in the report."""

    @pytest.fixture
    def backend(self) -> Iterator[Backend]:
        """An empty registry, for one test."""
        raise NotImplementedError(f"{type(self).__name__}: override the fixture 'backend'")
