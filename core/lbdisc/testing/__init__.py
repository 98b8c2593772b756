"""What plugin authors test with: the contract every backend keeps, and tools to break things.

The names are fetched when they are used, as the tools for real servers work without pytest.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lbdisc.testing.backend import Ability, Backend
    from lbdisc.testing.contract import ContractSuite
    from lbdisc.testing.leaks import Leaks
    from lbdisc.testing.processes import Process, accepts, free_port
    from lbdisc.testing.proxy import FaultProxy
    from lbdisc.testing.recorder import Recorder
    from lbdisc.testing.registrar_process import RegistrarProcess
    from lbdisc.testing.roles import Holding, Watching
    from lbdisc.testing.waiting import eventually

__all__ = [
    "Ability",
    "Backend",
    "ContractSuite",
    "FaultProxy",
    "Holding",
    "Leaks",
    "Process",
    "Recorder",
    "RegistrarProcess",
    "Watching",
    "accepts",
    "eventually",
    "free_port",
]

_PLACES = {
    "Ability": "backend",
    "Backend": "backend",
    "ContractSuite": "contract",
    "FaultProxy": "proxy",
    "Holding": "roles",
    "Leaks": "leaks",
    "Process": "processes",
    "Recorder": "recorder",
    "RegistrarProcess": "registrar_process",
    "Watching": "roles",
    "accepts": "processes",
    "eventually": "waiting",
    "free_port": "processes",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
