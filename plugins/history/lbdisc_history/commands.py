"""The commands of the history; each imports what it needs when it runs."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lbdisc.options import ConfigOption, JsonOption, SetOption
from lbdisc_history.options import journal_of

if TYPE_CHECKING:
    from lbdisc.hooks import Context

NumberArgument = Annotated[int, typer.Argument(metavar="GENERATION", min=1)]
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
        app.command("show")(self.show)
        app.command("diff")(self.diff)
        app.command("replay")(self.replay)
        app.command("rollback")(self.rollback)

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
        export: Annotated[
            Path | None,
            typer.Option(
                "--export",
                metavar="FILE",
                help="Write entries and texts to FILE, for lbdisc replay; it holds secrets.",
            ),
        ] = None,
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
        if export is not None:
            from lbdisc_history import exporting

            count = exporting.export(journal, export, since=begin if since else None)
            typer.echo(f"{count} entries are in {export}; it may hold secrets")
            return
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
        services = context.settings.core.services
        journal = journal_of(context)
        explain(journal, node, context.status, services=services, as_json=as_json)

    def show(
        self,
        generation: NumberArgument,
        files: Annotated[
            bool, typer.Option("--files", help="And its texts, with secrets masked.")
        ] = False,
        as_json: JsonOption = False,
        config: ConfigOption = None,
        set_: SetOption = None,
    ) -> None:
        """Show a generation as it was: why it came, what was done, and all that it served.

        Exit code 1: it is not kept.

        Example: lbdisc show 17 --files
        """
        from lbdisc_history import inspecting

        journal = journal_of(self._context.given(config=config, assignments=set_))
        inspecting.show(journal, generation, files=files, as_json=as_json)

    def diff(
        self,
        before: Annotated[int, typer.Argument(metavar="A", min=1)],
        after: Annotated[int, typer.Argument(metavar="B", min=1)],
        as_json: JsonOption = False,
        config: ConfigOption = None,
        set_: SetOption = None,
    ) -> None:
        """Show what is different in generation B: endpoints, and texts with secrets masked.

        Example: lbdisc diff 16 17
        """
        from lbdisc_history import inspecting

        journal = journal_of(self._context.given(config=config, assignments=set_))
        inspecting.diff(journal, before, after, as_json=as_json)

    def replay(
        self,
        recorded: Annotated[
            Path, typer.Argument(metavar="FILE", help="Of history --export, or a journal's folder.")
        ],
        template: Annotated[
            Path | None, typer.Option("--template", "-t", help="Instead of that of the settings.")
        ] = None,
        as_json: JsonOption = False,
        config: ConfigOption = None,
        set_: SetOption = None,
    ) -> None:
        """Render what was served then with today's template and settings, and compare.

        Nothing is changed. Exit code 0: all bytes are the same; 1: some differ.

        Example: lbdisc replay incident.ndjson --template haproxy.cfg.j2
        """
        from lbdisc.plugins import Plugins
        from lbdisc.settings import choosing
        from lbdisc_history import exporting, replaying

        given = [*(set_ or ()), *([f"jinja2.template={template}"] if template else [])]
        settings = self._context.given(config=config, assignments=given).settings
        renderer = choosing.renderer(Plugins.load(), settings)
        if not replaying.replay(exporting.recorded(recorded), renderer, as_json=as_json):
            raise typer.Exit(1)

    def rollback(
        self,
        generation: NumberArgument,
        why: Annotated[
            str, typer.Option("--why", metavar="TEXT", help="For whoever asks later.")
        ] = "",
        as_json: JsonOption = False,
        config: ConfigOption = None,
        set_: SetOption = None,
    ) -> None:
        """Have the very texts of an earlier generation run until lbdisc resume.

        The load balancer checks them first. What the registry says meanwhile is not applied.
        Exit code 1: the generation is not kept, is refused, or no agent runs.

        Example: lbdisc rollback 16 --why "17 has the wrong certificate"
        """
        from lbdisc_history.rolling_back import roll_back

        context = self._context.given(config=config, assignments=set_)
        state_dir = context.settings.core.state_dir
        text = roll_back(journal_of(context), generation, state_dir, why=why)
        document = {"schema": 1, "done": True, "text": text}
        typer.echo(json.dumps(document) if as_json else text)
