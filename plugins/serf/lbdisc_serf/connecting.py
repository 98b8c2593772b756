"""Reaching the local agent as the settings say, and its refusals as errors for the operator."""

from collections.abc import Callable

from lbdisc.errors import SettingsError
from lbdisc_serf.rpc import SerfClient
from lbdisc_serf.settings import SerfSettings, split
from lbdisc_serf.wire import RpcRefused, never


def connect(
    settings: SerfSettings,
    stopped: Callable[[], bool] = never,
    *,
    timeout: float | None = None,
) -> SerfClient:
    """A client of the local agent. Raises ``RpcError``, and ``SettingsError`` for a bad key."""
    try:
        return SerfClient(
            split(settings.rpc, "serf.rpc"),
            key=settings.key,
            timeout=settings.timeout if timeout is None else timeout,
            stopped=stopped,
        ).checked()
    except RpcRefused as error:
        right = "is not the agent's rpc_auth" if settings.key else "is missing: the agent has one"
        raise SettingsError(f"{error}: serf.rpc_key {right}") from error
