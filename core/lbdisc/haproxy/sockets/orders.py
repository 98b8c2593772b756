"""What HAProxy is told at a socket: one command, its payload, and which replies mean success.

HAProxy answers most successes with silence, some with a known sentence; everything else is an
error, also when it is new. A word with a separator of the command line in it (space, ``;``, quote,
newline, ``<``) is refused when the order is made, so no value can become a second command.

A payload stands on the lines after the command's, which ends in ``<<``, and an empty line is its
end (management manual, "Unix Socket commands"). A word of one's own for the end (``<<EOF``) came
with 2.9, so a payload with an empty line in it cannot be told to all versions, and is refused.
"""

import re
from dataclasses import dataclass
from typing import ClassVar

from lbdisc.errors import shown
from lbdisc.haproxy.errors import HaproxyError, Refused
from lbdisc.haproxy.versions import MAX_LINE, MAX_PAYLOAD

_NAME = re.compile(r"[A-Za-z0-9_.:-]+")
_WORD = re.compile(r"[A-Za-z0-9_.:/@,=%+*()\[\]-]+")


def is_name(text: str) -> bool:
    """Whether ``text`` may name a proxy or a server in a command."""
    return _NAME.fullmatch(text) is not None


def is_word(text: str) -> bool:
    """Whether ``text`` can stand in a command as one word, without any escaping."""
    return _WORD.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Order:
    """One command. Raises ``HaproxyError`` for words or a payload that it cannot hold."""

    success: ClassVar[re.Pattern[str]] = re.compile("")

    @property
    def lasts(self) -> float:
        """Seconds that HAProxy may take for it, beyond those for any answer."""
        return 0.0

    def __post_init__(self) -> None:
        odd = [word for word in self.words() if not self.takes(word)]
        if odd:
            raise HaproxyError(f"no word for a command on {self.target}: {shown(odd[0])}")
        if len(self.text) > MAX_LINE:
            raise HaproxyError(f"a command on {self.target} has {len(self.text)} bytes")
        if self.payload and (fault := payload_fault(self.payload)):
            raise HaproxyError(f"the payload of a command on {self.target} {fault}")

    def takes(self, word: str) -> bool:
        """Whether ``word`` can stand in it as one word, without any escaping."""
        return is_word(word)

    @property
    def target(self) -> str:
        """What the order is about, for messages."""
        raise NotImplementedError

    def words(self) -> tuple[str, ...]:
        raise NotImplementedError

    @property
    def payload(self) -> str:
        """The lines that belong to the command, ``""`` for none."""
        return ""

    @property
    def text(self) -> str:
        """The command's line for HAProxy's socket, without its newline."""
        return " ".join((*self.words(), "<<") if self.payload else self.words())

    @property
    def sent(self) -> str:
        """All that is sent, with the newline or the empty line at the end."""
        if not self.payload:
            return f"{self.text}\n"
        lines = self.payload.removesuffix("\n")
        return f"{self.text}\n{lines}\n\n"

    def check(self, reply: str) -> None:
        """Raise ``Refused`` unless ``reply`` (without prompt) is a known success."""
        if not self.success.fullmatch(reply.strip()):
            raise Refused(self.text, reply)

    def __str__(self) -> str:
        return self.text


def payload_fault(payload: str) -> str:
    """Why ``payload`` cannot stand behind a command, in a few words; ``""`` if it can."""
    lines = payload.removesuffix("\n").split("\n")
    if any(not line.removesuffix("\r") for line in lines):
        return "has an empty line"
    if "\0" in payload:
        return "has a zero byte"
    if (size := len(payload.encode(errors="surrogateescape"))) > MAX_PAYLOAD:
        return f"has {size} bytes, more than {MAX_PAYLOAD}"
    return ""
