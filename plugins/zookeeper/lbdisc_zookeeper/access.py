"""Who may change what is registered: nobody else, unless nobody logs in."""

import structlog

from lbdisc_zookeeper.settings import ZooKeeperSettings, members

_log = structlog.get_logger("lbdisc.zookeeper")


def warn_of_open_nodes(settings: ZooKeeperSettings) -> None:
    """Without credentials ZooKeeper knows no owner: whoever reaches it may write what we write."""
    if settings.acl == "auto" and settings.access == "open" and not _is_local(settings):
        _log.warning(
            "all who reach ZooKeeper may change or remove what is registered: set "
            "zookeeper.digest_user or sasl_user, or zookeeper.acl to 'open' if that is meant"
        )


def _is_local(settings: ZooKeeperSettings) -> bool:
    """Whether only this machine's users can reach the servers, as far as can be told."""
    hosts = [member.rpartition(":")[0].strip("[]") for member in members(settings)]
    return all(host in ("localhost", "::1") or host.startswith("127.") for host in hosts)
