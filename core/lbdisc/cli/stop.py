"""``lbdisc stop``: ends the agent and the load balancer that it runs."""

import sys

from lbdisc.cli.common import load_configuration, write_json
from lbdisc.options import ConfigOption, JsonOption, SetOption


def stop(config: ConfigOption = None, as_json: JsonOption = False, set_: SetOption = None) -> None:
    """End the agent of this state_dir, and the HAProxy that it started or an earlier one left.

    Returns when they are gone. A HAProxy that a supervisor runs (haproxy.mode attached) is left
    alone. Exit code 0: nothing runs any more; 1: something does, and why.

    Example: lbdisc stop --config /etc/lbdisc/lbdisc.toml
    """
    from lbdisc.abilities import Ends
    from lbdisc.agent.stopping import end_agent
    from lbdisc.settings import choosing
    from lbdisc.state.store import Store

    plugins, settings = load_configuration(config, {}, set_)
    core = settings.core
    store = Store(core.state_dir)
    agent = end_agent(store)
    ended = [f"agent (process {agent})"] if agent else []
    reloader = choosing.reloader(plugins, settings)
    if store.folder.is_dir() and isinstance(reloader, Ends):
        with store.locked():
            found = reloader.end(core.output)
        if found:
            ended.append(f"{core.reloader} that was left")
    if as_json:
        write_json({"ended": ended})
        return
    sys.stdout.write(f"ended: {', '.join(ended)}\n" if ended else "nothing runs\n")
