"""What is to run: the newest snapshot, what it is rendered to, and what that takes."""

from collections.abc import Callable, Collection
from pathlib import Path

from lbdisc.agent.ahead import ahead
from lbdisc.agent.blaming import Blaming
from lbdisc.agent.fitting import Fitting
from lbdisc.agent.stages import RENDERED, Stages
from lbdisc.errors import LbdiscError
from lbdisc.generation import Generation
from lbdisc.hooks import Reloader, Renderer
from lbdisc.planned import Planned, Reload, Start
from lbdisc.rendered import Rendered
from lbdisc.values import Problem, Snapshot


class Desired:
    """Rendered once for each snapshot, and planned once for the pace and for the apply.

    ``own`` tells what of a snapshot may be served by the configuration that it is rendered to.
    ``kept`` is the configuration to keep alive as it is while no ``snapshot`` is known. What is
    served of the ``snapshot`` goes by ``blaming``, and by the room that there is (``fitting``).
    ``pinned`` is what an operator wants instead of all that, and whom it serves. ``stages`` are
    told when something is rendered.
    """

    def __init__(
        self,
        renderer: Renderer,
        reloader: Reloader,
        output: Path,
        services: Collection[str],
        *,
        stages: Stages,
        own: Callable[[Snapshot, Rendered], Snapshot] = lambda snapshot, rendered: snapshot,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._renderer = renderer
        self._reloader = reloader
        self._output = output
        self._own = own
        self._stages = stages
        self._rendered: tuple[Snapshot, Rendered] | None = None
        self._of: Snapshot | None = None  # which snapshot that is, before anybody was left out
        self.blaming = Blaming(renderer, reloader, output, wake=wake)
        self.fitting = Fitting(reloader, services)
        self._planned: Planned | None = None  # for what is rendered, and for what runs now
        self.snapshot: Snapshot | None = None
        self.kept: Rendered | None = None
        self.pinned: tuple[Snapshot, Rendered] | None = None

    def render_with(self, renderer: Renderer) -> None:
        """From now on ``renderer`` makes the configuration."""
        self._renderer = renderer
        self.blaming.render_with(renderer)
        self.render_anew()

    @property
    def count(self) -> int | None:
        """How many endpoints there are; ``None`` while that is not known."""
        return None if self.snapshot is None else len(self.snapshot)

    def rendered(self) -> tuple[Snapshot, Rendered]:
        """What is served of the snapshot, and its configuration. Raises ``LbdiscError``."""
        if self.pinned is not None:
            return self.pinned
        if self.snapshot is None:
            return Snapshot(), self.kept or Rendered("")
        if self._rendered is None or self._of is not self.snapshot:
            self._planned = None
            self._rendered = self._render()
            self._of = self.snapshot
        return self._rendered

    def pin(self, pinned: tuple[Snapshot, Rendered] | None) -> None:
        """From now on ``pinned``, or what is made of the snapshot again."""
        self.pinned = pinned
        self.render_anew()
        self._stages.begin()

    def _render(self) -> tuple[Snapshot, Rendered]:
        """What ``own`` leaves out because of its configuration is not in it."""
        assert self.snapshot is not None
        self._stages.begin()
        while True:
            served, rendered = self.fitting.rendered(self._sifted, self._renderer.render)
            left = self._own(self.snapshot, rendered)
            if left == self.snapshot:
                self._stages.over(RENDERED)
                return served, rendered
            self.snapshot = left

    @property
    def served(self) -> Snapshot:
        """The snapshot without those that are left out."""
        return self.fitting.sift(self._sifted)

    @property
    def _sifted(self) -> Snapshot:
        return self.blaming.sift(self.snapshot or Snapshot())

    @property
    def problems(self) -> frozenset[Problem]:
        """Why of whom nothing is served."""
        return self.blaming.problems | self.fitting.problems

    def planned(self, running: Generation | None) -> Planned:
        """What it takes to come there from what runs. Raises ``LbdiscError``."""
        _, rendered = self.rendered()
        if self._planned is None:
            before = running.rendered if running else None
            self._planned = self._reloader.plan(self._output, before, rendered)
        return self._planned

    def ahead(self, running: Generation) -> tuple[Snapshot, Planned] | None:
        """What can be served at run time while the rest waits, if anything.

        Raises ``LbdiscError``.
        """
        wanted, _ = self.rendered()
        found = ahead(
            running.snapshot, wanted, lambda it: self._at_run_time(it, running) is not None
        )
        planned = self._at_run_time(found, running)
        return None if planned is None or found == running.snapshot else (found, planned)

    def _at_run_time(self, snapshot: Snapshot, running: Generation) -> Planned | None:
        """What it takes to serve ``snapshot`` instead; ``None`` where that is not at run time."""
        try:
            rendered = self._renderer.render(snapshot)
            planned = self._reloader.plan(self._output, running.rendered, rendered)
        except LbdiscError:
            return None
        return None if isinstance(planned.how, Reload | Start) else planned

    def blank(self) -> Rendered:
        """The configuration of no endpoint at all. Raises ``LbdiscError``."""
        return self._renderer.render(Snapshot())

    def plan_anew(self) -> None:
        """What runs may have become something else."""
        self._planned = None

    def render_anew(self) -> None:
        """What was rendered is used, or was no good."""
        self._rendered = self._planned = None
