"""The commands of the history; each imports what it needs when it runs."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from lbdisc_history.options import ConfigOption, JsonOption, SetOption, journal_of

if TYPE_CHECKING:
    from lbdisc.hooks import Context

LIMIT = 50  # lines of ``history`` where nothing else limits them


def add_to(app: typer.Typer, context: "Context") -> None:
    """Adds them to ``app``; ``context`` is that of the program."""
    _Commands(context).add_to(app)


class _Commands:
    def __init__(self, context: "Context") -> None:
        self._context = context

    def add_to(self, app: typer.Typer) -> None:
        app.command("history")(self.history)
        app.command("why")(self.why)

    def history(
        self,
        since: Annotated[
            str | None, typer.Option("--since", metavar="AGO|TIME", help="As 1h, or ISO in UTC.")
        ] = None,
        until: Annotated[
            str | None, typer.Option("--until", metavar="AGO|TIME", help="As --since.")
        ] = None,
        service: Annotated[
            str | None, typer.Option("--service", help="What concerns this service alone.")
        ] = None,
        limit: Annotated[
            int | None,
            typer.Option("--limit", "-n", min=1, help="The last lines; 50 without --since."),
        ] = None,
        follow: Annotated[bool, typer.Option("--follow", "-f", help="And what comes.")] = False,
        everything: Annotated[
            bool, typer.Option("--all", help="Also what is of little interest.")
        ] = False,
        as_json: JsonOption = False,
        config: ConfigOption = None,
        set_: SetOption = None,
    ) -> None:
        """Show what happened, one line each: what came and went, why, and what was done.

        Times are UTC. With --json each line is an entry of the journal, as docs/history.md says.

        Example: lbdisc history --since 1h --service web
        """
        from lbdisc_history import listing
        from lbdisc_history.times import moment

        now, ends = time.time(), (float("-inf"), float("inf"))
        begin = moment(since, now=now, option="--since") if since else ends[0]
        end = moment(until, now=now, option="--until") if until else ends[1]
        wanted = listing.Wanted(
            since=begin,
            until=end,
            service=service or "",
            limit=limit or (0 if since else LIMIT),
            everything=everything,
            as_json=as_json,
        )
        journal = journal_of(self._context.given(config=config, assignments=set_))
        try:
            listing.show(journal, wanted, follow=follow)
        except KeyboardInterrupt:
            raise typer.Exit(0) from None

    def why(
        self,
        node: Annotated[str, typer.Argument(metavar="NAME|SERVICE/NAME")],
        as_json: JsonOption = False,
        config: ConfigOption = None,
        set_: SetOption = None,
    ) -> None:
        """Tell why a node came, went, changed or is not served, and what HAProxy thinks of it.

        Exit code 1: nothing is known of it.

        Example: lbdisc why web-3
        """
        from lbdisc_history.explaining import explain

        context = self._context.given(config=config, assignments=set_)
        explain(journal_of(context), node, context.status, as_json=as_json)
