"""A plan as the agent sees it, with the steps that HAProxy's worker would be taken through."""

from dataclasses import dataclass

from lbdisc.haproxy.live import Live
from lbdisc.haproxy.planning.plan import InMaintenance, Plan
from lbdisc.planned import AtRuntime, How, Nothing, Planned, Reload, Write


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps(Planned):
    """``plan`` is for a worker that runs ``text`` with ``in_maintenance`` waiting; or a reload."""

    plan: Plan | None = None
    text: str = ""
    in_maintenance: InMaintenance | None = None

    def fit(self, live: Live | None) -> Plan | None:
        """The plan, if it can be carried out on ``live`` as it is now."""
        if self.plan is None or self.plan.how == "reload" or live is None:
            return None
        return (
            self.plan
            if live.text is self.text and live.in_maintenance is self.in_maintenance
            else None
        )


def how(plan: Plan) -> How:
    """The way that ``plan`` takes, as the agent knows it."""
    if plan.how == "reload":
        return Reload(plan.detail)
    if plan.how == "runtime":
        return AtRuntime(tuple(command.text for command in plan.commands), plan.detail)
    return Write() if plan.how == "written" else Nothing()
