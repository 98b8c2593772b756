"""A plan as the agent sees it, with the steps that HAProxy's worker would be taken through."""

from dataclasses import dataclass, field

from lbdisc.haproxy.beside.planning import FilesPlan
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.planning.plan import InMaintenance, Plan
from lbdisc.planned import AtRuntime, How, Nothing, Planned, Reload, Write


@dataclass(frozen=True, slots=True)
class Way:
    """How to come to a configuration: the parts of ``Steps``."""

    how: How
    plan: Plan | None = None
    ours: FilesPlan = field(default_factory=FilesPlan)
    beside: FilesPlan = field(default_factory=FilesPlan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps(Planned):
    """``plan`` is for a worker that runs ``text`` with ``in_maintenance`` waiting; or a reload.

    ``ours`` are changed files that lbdisc renders, ``beside`` others that HAProxy reads.
    """

    plan: Plan | None = None
    text: str = ""
    in_maintenance: InMaintenance | None = None
    ours: FilesPlan = field(default_factory=FilesPlan)
    beside: FilesPlan = field(default_factory=FilesPlan)

    def fit(self, live: Live | None) -> Plan | None:
        """The plan, if it can be carried out on ``live`` as it is now."""
        if self.plan is None or self.plan.how == "reload" or live is None:
            return None
        return (
            self.plan
            if live.text is self.text and live.in_maintenance is self.in_maintenance
            else None
        )


def how(plan: Plan, files: FilesPlan) -> How:
    """The way that ``plan`` and ``files`` take together, as the agent knows it."""
    if plan.how == "reload":
        return Reload(plan.detail)
    if files.steps:
        servers = tuple(command.text for command in plan.commands)
        detail = f"{files.detail}; {plan.detail}" if servers else files.detail
        return AtRuntime((*files.commands, *servers), detail)
    if plan.how == "runtime":
        return AtRuntime(tuple(command.text for command in plan.commands), plan.detail)
    return Write() if plan.how == "written" else Nothing()
