"""What stands open to whoever reaches a port: told once, before it is used."""

from functools import cache

import structlog

from lbdisc.addresses import is_loopback
from lbdisc_serf.settings import GOSSIP_PORT, SerfSettings, split


def warn(settings: SerfSettings) -> None:
    """Say what is open in ``settings``, each once in a process."""
    bind = split(settings.bind, "serf.bind", port=GOSSIP_PORT)[0]
    if settings.managed and settings.encrypt is None and not _is_loopback(bind):
        _say(
            "no gossip key: whoever reaches serf.bind can be a member, a node or an agent; "
            "see serf.encrypt_file",
            f"serf.bind {settings.bind}",
        )
    if _is_loopback(split(settings.rpc, "serf.rpc")[0]):
        return
    open_to = "can set tags and end the agent" if not settings.key else "can read its key"
    _say(
        f"Serf's RPC is not encrypted: whoever is on its way {open_to}; see serf.rpc, "
        "serf.rpc_key_file",
        f"serf.rpc {settings.rpc}",
    )


@cache
def _say(what: str, where: str) -> None:
    structlog.get_logger("lbdisc.serf").warning(what, where=where)


def _is_loopback(host: str) -> bool:
    return host == "localhost" or is_loopback(host)
