"""An agent's last words, as one line that names the setting to look at."""

from lbdisc.errors import SettingsError
from lbdisc_serf.wire import RpcError


class NameTaken(RpcError):
    """The agent gave way to another member of its name."""


# What Serf prints, what it means, and the error: a SettingsError where only an operator can help.
_KNOWN: tuple[tuple[str, str, type[Exception]], ...] = (
    ("minority in name conflict", "another member has this name (serf.node)", NameTaken),
    ("Error starting RPC listener", "cannot listen for RPC (serf.rpc)", RpcError),
    (
        "cannot assign requested address",
        "this host has not that address (serf.bind)",
        SettingsError,
    ),
    ("address already in use", "the gossip port is taken (serf.bind)", RpcError),
    ("Invalid encryption key", "the gossip key is no key (serf.encrypt)", SettingsError),
    ("Invalid advertise address", "bad address (serf.advertise)", SettingsError),
    ("Encoded length of tags", "the tags are too long (serf.tags, register.tags)", SettingsError),
    ("permission denied", "a file or port is not allowed (serf.folder, serf.bind)", SettingsError),
)


def ended(code: int, lines: list[str]) -> Exception:
    """The error for an agent that ended with ``code`` and printed ``lines`` last."""
    said = " ".join(lines)
    for words, meaning, kind in _KNOWN:
        if words in said:
            return kind(f"the Serf agent ended: {meaning}: {_line_with(words, lines)}")
    last = lines[-1] if lines else "without a word"
    return RpcError(f"the Serf agent ended with code {code}: {last}")


def _line_with(words: str, lines: list[str]) -> str:
    return next((line for line in lines if words in line), lines[-1])
