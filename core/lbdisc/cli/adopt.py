"""``lbdisc adopt``: take over a configuration file that lbdisc did not write."""

import sys

from lbdisc.cli.common import load_configuration, write_json
from lbdisc.options import BackendOption, ConfigOption, JsonOption, SetOption


def adopt(
    config: ConfigOption = None,
    backend: BackendOption = None,
    as_json: JsonOption = False,
    set_: SetOption = None,
) -> None:
    """Let lbdisc replace the file that is there, though servers of it go.

    Shows which servers go, keeps a copy of the file beside it, and lets the next apply, once, take
    these servers and no others. A running agent goes on by itself. Nothing is applied here.

    Example: lbdisc adopt
    """
    from lbdisc.cli.taking import ask
    from lbdisc.copies import keep_copy

    plugins, settings = load_configuration(config, {"backend": backend}, set_)
    asked, output = ask(plugins, settings), settings.core.output
    met, copy = asked.meeting, None
    if met.text is not None and met.strange:
        from lbdisc.state.store import Store

        Store(settings.core.state_dir).prepare()
        copy, _ = keep_copy(output)
        going = {server.place for loss in met.takes.taken for server in loss.servers}
        asked.contact.handwriting.adopt(met.text, frozenset(going))
    if as_json:
        copied = copy and str(copy)
        write_json({"adopted": copy is not None, "copy": copied, **asked.document})
        return
    for loss in met.takes.taken:
        sys.stdout.write(f"takes {loss}\n")
    if copy is None:
        there = "is lbdisc's already" if met.text is not None else "is not there yet"
        sys.stdout.write(f"{output} {there}: nothing to adopt\n")
    else:
        sys.stdout.write(f"{output} is adopted; what it holds is kept in {copy}\n")
