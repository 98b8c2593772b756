"""How a configuration comes to life, planned and done: as values, whose ``str`` is a word."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from lbdisc.rendered import Rendered


@dataclass(frozen=True, slots=True)
class Nothing:
    """It runs already."""

    detail: ClassVar[str] = "nothing changes"

    def __str__(self) -> str:
        return "nothing"


@dataclass(frozen=True, slots=True)
class Write:
    """Only the file changes, in a way that makes no difference to what runs."""

    detail: ClassVar[str] = "only the file changes"

    def __str__(self) -> str:
        return "written"


@dataclass(frozen=True, slots=True)
class AtRuntime:
    """The load balancer is changed while it runs, by ``commands`` in its own language."""

    commands: tuple[str, ...]
    detail: str = ""

    def __str__(self) -> str:
        return "runtime"


@dataclass(frozen=True, slots=True)
class Reload:
    """It has to read its files again; ``reason`` says why, in one line."""

    reason: str

    @property
    def detail(self) -> str:
        return self.reason

    def __str__(self) -> str:
        return "reload"


@dataclass(frozen=True, slots=True)
class Start:
    """It does not run yet, or not any more: ``reason``."""

    reason: str

    @property
    def detail(self) -> str:
        return self.reason

    def __str__(self) -> str:
        return "start"


How = Nothing | Write | AtRuntime | Reload | Start


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What it takes to have ``config`` hold, and the load balancer run, ``candidate``.

    ``over_another``: the file there is not lbdisc's, and stays while a load balancer that others
    run cannot be asked. A reloader may add to it what it needs to carry it out. It holds until the
    reloader is asked to apply, to tend, or finds at a look that something else runs.
    """

    config: Path
    candidate: Rendered
    how: How
    over_another: bool = False

    @property
    def costs_a_reload(self) -> bool:
        """Whether waiting for more changes is worth it."""
        return not isinstance(self.how, Nothing | Write | AtRuntime)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """How a configuration came to life, and what is to be told of it.

    ``check_ms`` is how long the files were checked before, in milliseconds; ``None`` where they
    were not, or where that is not known.
    """

    how: How
    detail: str = ""
    check_ms: float | None = field(default=None, compare=False)
