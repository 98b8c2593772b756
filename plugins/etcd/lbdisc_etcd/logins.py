"""One login for all sessions of a process: its token is used until etcd refuses it.

A login costs a server some 45 ms of one core, as passwords are slow to check on purpose, so those
of a fleet that lost its server queue there for many seconds.
"""

from collections.abc import Callable
from functools import cache
from threading import Lock

from lbdisc_etcd.settings import EtcdSettings

LOOK = 0.1  # seconds between two looks at what else is to be done


class Login:
    """The token of one user of one cluster; for use by any number of threads."""

    def __init__(self) -> None:
        self._authenticating = Lock()
        self._token = ""

    def token(self, authenticate: Callable[[], str], *, meanwhile: Callable[[], None]) -> str:
        """The token there is, else a new one; empty where the cluster wants none.

        While another thread logs in ``meanwhile`` is called some times a second; what it or
        ``authenticate`` raises is passed on.
        """
        while not self._authenticating.acquire(timeout=LOOK):
            meanwhile()
        try:
            self._token = self._token or authenticate()
            return self._token
        finally:
            self._authenticating.release()

    def forget(self, token: str) -> None:
        """etcd refuses ``token``: if it is still ours, the next session logs in."""
        if self._token == token:
            self._token = ""


@cache
def login_of(settings: EtcdSettings) -> Login:
    """The one of this process for ``settings``."""
    return Login()
