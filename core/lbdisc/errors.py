"""Everything that lbdisc raises on purpose, readable at a glance.

``LbdiscError``
├── ``SettingsError``    an operator has to change something; retrying cannot help (exit code 2)
├── ``PluginError``      a plugin is broken, missing or offered twice (exit code 2)
├── ``EntryError``       one registry entry breaks the rules; the others stay
├── ``DiscoveryError``   the registry's state cannot be known now; retried with back-off
├── ``RegistrarError``   the endpoint cannot be held now; retried with back-off
│   ├── ``WriteRefused`` the registry answers, but takes no writes
│   ├── ``RegistryBusy`` the registry answers, but others come first
│   └── ``BrokenRegistrar``       the registrar itself failed
├── ``RenderError``      the template failed; the running configuration stays
├── ``CheckError``       the load balancer refuses the configuration; the running one stays
└── ``ApplyError``       the configuration could not be brought to life; retried
    ├── ``Unconfirmed``  it was, yet something else runs; retried ever more seldom
    └── ``NotLoaded``    all but the servers stays as it runs; retried when it may work

A message says what was wrong, where, and what would be right, on one line. It never holds a secret.
"""

import difflib
from collections.abc import Iterable

from lbdisc.showing import shown as shown  # what a message says of a value


class LbdiscError(Exception):
    """Base of all errors that lbdisc and its plugins raise on purpose.

    ``exit_code`` is what a command that ends with this error returns.
    """

    exit_code = 1


class SettingsError(LbdiscError):
    """Settings are wrong in a way that only an operator can mend."""

    exit_code = 2


class PluginError(LbdiscError):
    """A plugin is broken, unknown, or clashes with another."""

    exit_code = 2


class EntryError(LbdiscError, ValueError):
    """One entry of a registry breaks the rules of an endpoint."""


class DiscoveryError(LbdiscError):
    """The registry's state cannot be known now."""


class RegistrarError(LbdiscError):
    """The endpoint cannot be held in the registry now."""


class WriteRefused(RegistrarError):
    """The registry can be asked, but takes no writes now: it is full, or read-only."""


class RegistryBusy(RegistrarError):
    """The registry was asked, and had not come to us: another connection would wait as long."""


class BrokenRegistrar(RegistrarError):
    """A registrar raised what no registrar may raise."""


class RenderError(LbdiscError):
    """The template cannot be rendered."""


class CheckError(LbdiscError):
    """The load balancer refuses a configuration.

    ``said`` is all that it had to say, line by line, where the message holds but the first of it:
    the endpoints at fault are found by the lines and names in it. ``passing``: it may be good any
    moment, as when a name server is silent, and is asked again soon.
    """

    def __init__(self, message: str, *, said: str = "", passing: bool = False) -> None:
        super().__init__(message)
        self.said = said or message
        self.passing = passing


class ApplyError(LbdiscError):
    """A checked configuration could not be brought to life."""


class Unconfirmed(ApplyError):
    """A configuration was brought to life, yet what runs is something else."""


class NotLoaded(ApplyError):
    """A checked configuration would not load, or did not; what serves goes on.

    To try again costs something: not before ``retry_s`` seconds, ``None`` for soon.
    """

    def __init__(self, message: str, *, retry_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_s = retry_s


def nearest(word: str, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` for the known word that ``word`` resembles, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
