"""A plain Serf agent on a host of its own, as a process that is not started yet."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lbdisc.testing.processes import Process
from lbdisc_compare.hosts.host import Host
from lbdisc_compare.installing import needed
from lbdisc_serf.rpc import SerfClient
from lbdisc_serf.wire import RpcError

RPC_PORT = 7373


def serf_process(
    host: Host,
    folder: Path,
    name: str,
    tags: Mapping[str, str],
    *,
    join: Sequence[str],
    more: Mapping[str, Any] | None = None,
) -> Process:
    """It is ready once it answers. ``more`` is for its configuration file."""
    configuration: dict[str, Any] = {
        **{"node_name": name, "bind": host.address, "rpc_addr": f"{host.address}:{RPC_PORT}"},
        **{"tags": dict(tags), "log_level": "warn", **(more or {})},
    }
    if join:
        configuration |= {"retry_join": list(join), "retry_interval": "1s"}
    file = folder / "serf.json"
    file.write_text(json.dumps(configuration))

    def answers() -> bool:
        with suppress(RpcError), SerfClient((host.address, RPC_PORT), timeout=5.0):
            return True
        return False

    return host.process(
        *(needed("serf"), "agent", f"-config-file={file}"),
        log=folder / "serf.log",
        ready=answers,
    )
