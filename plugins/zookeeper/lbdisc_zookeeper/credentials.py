"""Who we are to ZooKeeper, and who may change what we register, as kazoo takes it."""

import importlib.util
from typing import Any

from kazoo.security import CREATOR_ALL_ACL, OPEN_ACL_UNSAFE, READ_ACL_UNSAFE

from lbdisc.errors import SettingsError
from lbdisc_zookeeper.settings import ZooKeeperSettings, secret


def sasl(settings: ZooKeeperSettings) -> dict[str, str] | None:
    """How to log in with SASL, as the password is now; ``None`` where nobody does.

    Raises ``SettingsError``.
    """
    if not settings.sasl_user:
        return None
    if importlib.util.find_spec("puresasl") is None:
        raise SettingsError("zookeeper.sasl_user: SASL needs lbdisc-zookeeper[sasl], install that")
    password = secret(settings.sasl_password, what="zookeeper.sasl_password")
    return {"mechanism": "DIGEST-MD5", "username": settings.sasl_user, "password": password}


def digest(settings: ZooKeeperSettings) -> list[tuple[str, str]]:
    """The digest to add to a session, as the password is now, if any. Raises ``SettingsError``."""
    if not settings.digest_user:
        return []
    password = secret(settings.digest_password, what="zookeeper.digest_password")
    return [("digest", f"{settings.digest_user}:{password}")]


def acls(settings: ZooKeeperSettings) -> tuple[list[Any], list[Any]]:
    """The ACLs of registrations and of the nodes above them."""
    if settings.access == "open":
        return OPEN_ACL_UNSAFE, OPEN_ACL_UNSAFE
    if settings.access == "private":
        return CREATOR_ALL_ACL, CREATOR_ALL_ACL
    return CREATOR_ALL_ACL + READ_ACL_UNSAFE, CREATOR_ALL_ACL + READ_ACL_UNSAFE
