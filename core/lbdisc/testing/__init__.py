"""What plugin authors test with: what each role promises, as suites, and tools to break things.

    from lbdisc.testing import Backend, ContractSuite

``ContractSuite`` judges a discovery and a registrar on the registry that a ``Backend`` reaches,
fills and hurts; ``RendererSuite`` a renderer that a ``Rendering`` makes; ``ReloaderSuite`` a
reloader on the load balancer that is a ``Balancer``. A test file is a subclass with one fixture.
The guide is ``docs/writing-a-plugin.md``, from an empty folder to a plugin that passes; all
promises are listed in ``docs/contract.md``, and written by ``pytest --lbdisc-report FILE``.

The names are fetched when they are used, as the tools for real servers work without pytest.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lbdisc.testing.backend import Ability, Backend
    from lbdisc.testing.balancer import Balancer
    from lbdisc.testing.contract import ConnectionSuite, ContractSuite
    from lbdisc.testing.leaks import Leaks
    from lbdisc.testing.origin import Origin
    from lbdisc.testing.processes import Process, accepts, free_port
    from lbdisc.testing.promises.reloaders import ReloaderSuite
    from lbdisc.testing.promises.renderers import RendererSuite
    from lbdisc.testing.proxy import FaultProxy
    from lbdisc.testing.recorder import Recorder
    from lbdisc.testing.registrar_process import RegistrarProcess
    from lbdisc.testing.rendering import Rendering
    from lbdisc.testing.roles import Holding, Watching
    from lbdisc.testing.waiting import eventually

__all__ = [
    "Ability",
    "Backend",
    "Balancer",
    "ConnectionSuite",
    "ContractSuite",
    "FaultProxy",
    "Holding",
    "Leaks",
    "Origin",
    "Process",
    "Recorder",
    "RegistrarProcess",
    "ReloaderSuite",
    "RendererSuite",
    "Rendering",
    "Watching",
    "accepts",
    "eventually",
    "free_port",
]

_PLACES = {
    "Ability": "backend",
    "Backend": "backend",
    "Balancer": "balancer",
    "ConnectionSuite": "contract",
    "ContractSuite": "contract",
    "FaultProxy": "proxy",
    "Holding": "roles",
    "Leaks": "leaks",
    "Origin": "origin",
    "Process": "processes",
    "Recorder": "recorder",
    "RegistrarProcess": "registrar_process",
    "ReloaderSuite": "promises.reloaders",
    "RendererSuite": "promises.renderers",
    "Rendering": "rendering",
    "Watching": "roles",
    "accepts": "processes",
    "eventually": "waiting",
    "free_port": "processes",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
