"""An agent's last words, as one line that names the setting to look at."""

from lbdisc.errors import SettingsError
from lbdisc_serf.wire import RpcError

# What Serf prints, what it means, and whether only an operator can help.
_KNOWN = (
    ("minority in name conflict", "another member has this name (serf.node)", False),
    ("Error starting RPC listener", "cannot listen for RPC (serf.rpc)", False),
    ("cannot assign requested address", "this host has not that address (serf.bind)", True),
    ("address already in use", "the gossip port is taken (serf.bind)", False),
    ("Invalid encryption key", "the gossip key is no key (serf.encrypt)", True),
    ("Invalid advertise address", "bad address (serf.advertise)", True),
    ("Encoded length of tags", "the tags are too long (serf.tags, register.tags)", True),
    ("permission denied", "a file or port is not allowed (serf.folder, serf.bind)", True),
)


def ended(code: int, lines: list[str]) -> Exception:
    """The error for an agent that ended with ``code`` and printed ``lines`` last."""
    said = " ".join(lines)
    for words, meaning, for_good in _KNOWN:
        if words in said:
            text = f"the Serf agent ended: {meaning}: {_line_with(words, lines)}"
            return SettingsError(text) if for_good else RpcError(text)
    last = lines[-1] if lines else "without a word"
    return RpcError(f"the Serf agent ended with code {code}: {last}")


def _line_with(words: str, lines: list[str]) -> str:
    return next((line for line in lines if words in line), lines[-1])
