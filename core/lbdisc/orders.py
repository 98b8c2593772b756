"""Orders to the agent that runs, by its socket in ``state_dir``: one JSON line each way.

The agent knows who asks by the kernel's word (SO_PEERCRED), does what is asked in its own loop, and
answers. There is no port: who may write to the socket's file may give orders.
"""

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self, get_args

from lbdisc.errors import LbdiscError
from lbdisc.showing import harmless, shown

SOCKET = "control.sock"
PATIENCE = 5.0  # seconds for an answer
LONG_PATIENCE = 30.0  # for what has the load balancer check and load a configuration
LONGEST = 16 * 1024  # bytes of an order
LONGEST_REPLY = 64 * 1024
SCHEMA = 1
ANSWERS = "fleet.answers"  # what the agents have made of the order to the fleet with that id
ASKS = (
    *("pause", "resume", "pin", "drain", "disable", "weight", "undo"),
    *("guard.hold", "guard.release", ANSWERS),
)
Reached = Literal["taken", "refused", "silent", "passed over"]
_LARGEST = 2**53
_AGAIN = 0.05  # seconds until a busy agent is asked again


@dataclass(frozen=True, slots=True)
class AgentAnswer:
    """What another agent made of an order to the fleet, and ``why`` so.

    ``passed over`` is an entry of which nothing tells that it is an agent.
    """

    agent: str
    answer: Reached
    why: str = ""

    @classmethod
    def from_object(cls, found: Any) -> Self:
        """Raises ``ValueError`` for what is none."""
        try:
            agent, answer, why = (harmless(str(found[name])) for name in ("agent", "answer", "why"))
        except (KeyError, TypeError) as error:
            raise ValueError("no answer of an agent") from error
        if answer not in get_args(Reached):
            raise ValueError(f"no answer of an agent: {answer}")
        return cls(agent, answer, why)  # type: ignore[arg-type] # just looked at


@dataclass(frozen=True, slots=True)
class OrderReply:
    """What the agent says to an order; ``done`` whether it did something.

    ``order`` is the id of one to the fleet. Who asks for ``ANSWERS`` is told what the ``agents``
    made of it; ``told`` says whether the registry has the order.
    """

    done: bool
    text: str
    busy: bool = False  # nothing was looked at: others ask as well
    order: str = ""
    agents: tuple[AgentAnswer, ...] = ()
    told: bool = False

    def to_line(self) -> bytes:
        found = {"schema": SCHEMA, **asdict(self)}
        for name in ("order", "agents", "told"):
            if not found[name]:
                del found[name]
        return json.dumps(found).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Raises ``ValueError`` for what is no answer."""
        found = json.loads(line)
        if not isinstance(found, dict) or "done" not in found:
            raise ValueError("no answer to an order")
        agents = found.get("agents", ())
        return cls(
            bool(found["done"]),
            harmless(str(found.get("text", ""))),
            bool(found.get("busy")),
            harmless(str(found.get("order", ""))),
            tuple(map(AgentAnswer.from_object, agents if isinstance(agents, list) else ())),
            bool(found.get("told")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorOrder:
    """``ask`` is one of ``ASKS``, ``what`` whom it is about, ``for_s`` how many seconds it holds.

    ``weight`` goes with the ask of that name, ``file`` with ``pin``: what is in it, in state_dir.
    ``fleet``: all other agents of the registry are asked as well.
    """

    ask: str
    what: str = ""
    why: str = ""
    for_s: float | None = None
    weight: int | None = None
    file: str = ""
    fleet: bool = False

    def to_line(self) -> bytes:
        found = {"schema": SCHEMA, **asdict(self)}
        if not self.fleet:
            del found["fleet"]  # an agent of before does not know it
        return json.dumps(found).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Raises ``ValueError`` with what is wrong, in one line."""
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError("an order is one line of JSON") from error
        if not isinstance(found, dict) or found.pop("schema", None) != SCHEMA:
            raise ValueError(f'an order is a JSON object with "schema": {SCHEMA}')
        known = {field.name: field for field in fields(cls)}
        for name in found:
            if name not in known:
                raise ValueError(f"an order has no {shown(name)} (known: {', '.join(known)})")
        for name in ("ask", "what", "why", "file"):
            if not isinstance(found.get(name, ""), str):
                raise ValueError(f"{name} {shown(found[name])} of an order is to be a text")
        if not isinstance(found.get("fleet", False), bool):
            raise ValueError(f"fleet {shown(found['fleet'])} of an order is to be true or false")
        if found.get("ask") not in ASKS:
            raise ValueError(f"no order {shown(found.get('ask'))} (known: {', '.join(ASKS)})")
        return cls(
            **{
                **found,
                "for_s": _number(found, "for_s", float),
                "weight": _number(found, "weight", int),
            }
        )


def _number(found: Mapping[str, Any], name: str, kind: type[int] | type[float]) -> Any:
    value = found.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | kind) or abs(value) > _LARGEST:
        raise ValueError(f"{name} {shown(value)} of an order is to be a number")
    return kind(value)


def order(
    state_dir: Path,
    ask: str,
    *,
    what: str = "",
    why: str = "",
    for_s: float | None = None,
    weight: int | None = None,
    file: str = "",
    fleet: bool = False,
) -> OrderReply:
    """What the agent of ``state_dir`` says to it. Raises ``LbdiscError`` where none answers.

    ``NoAgent`` is raised where none listens: nothing was asked then.
    """
    asked = OperatorOrder(
        ask=ask, what=what, why=why, for_s=for_s, weight=weight, file=file, fleet=fleet
    ).to_line()
    if len(asked) > LONGEST:
        raise LbdiscError(f"an order has at most {LONGEST} bytes: this one has {len(asked)}")
    patience = LONG_PATIENCE if ask == "pin" else PATIENCE
    end = time.monotonic() + patience
    while (reply := _asked(state_dir, asked, end)).busy:
        if time.monotonic() + _AGAIN > end:
            raise LbdiscError(f"the agent of state_dir {state_dir} is busy: {reply.text}")
        time.sleep(_AGAIN)
    return reply


class NoAgent(LbdiscError):
    """No agent takes orders in this ``state_dir``."""


def _asked(state_dir: Path, asked: bytes, end: float) -> OrderReply:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(max(0.1, end - time.monotonic()))
        try:
            _connect(connection, state_dir)
        except BlockingIOError:  # so many wait that the kernel has no room for another
            return OrderReply(False, "too many ask at a time", busy=True)
        with suppress(BrokenPipeError, ConnectionResetError):  # it may have said why before
            connection.sendall(asked)
        try:
            return OrderReply.from_line(line_of(connection, end + 1, LONGEST_REPLY))
        except TimeoutError as error:
            raise LbdiscError(
                f"the agent of state_dir {state_dir} does not answer in time:"
                " `lbdisc status` tells what it does"
            ) from error
        except (OSError, ValueError) as error:
            raise LbdiscError(
                f"the agent of state_dir {state_dir} gave no answer: {error}"
            ) from error


def _connect(connection: socket.socket, state_dir: Path) -> None:
    """Raises ``LbdiscError``, ``BlockingIOError``."""
    try:
        with reachable(state_dir) as path:
            connection.connect(path)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
        raise NoAgent(
            f"no agent answers in state_dir {state_dir}: start `lbdisc run`, or give its settings"
            " with --config"
        ) from error
    except PermissionError as error:
        raise LbdiscError(
            f"you may not give orders to the agent of state_dir {state_dir}: be root, its user, or"
            " a member of the group in the setting agent.control_group"
        ) from error
    except BlockingIOError:
        raise
    except OSError as error:
        raise LbdiscError(f"{state_dir / SOCKET}: {error.strerror or error}") from error


@contextmanager
def reachable(state_dir: Path) -> Iterator[str]:
    """A path to the socket that is short enough for an address, however long the folder's is.

    An address has room for 108 bytes (unix(7)). Raises ``OSError``.
    """
    folder = os.open(state_dir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET}"
    finally:
        os.close(folder)


def line_of(connection: socket.socket, end: float, longest: int) -> bytes:
    """The line that comes until ``end`` (seconds of ``time.monotonic``), without its end.

    Raises ``TimeoutError``, ``OSError``, and ``ValueError`` for one that has no end or is longer.
    """
    found = bytearray()
    while b"\n" not in found:
        if len(found) > longest:
            raise ValueError(f"a line of more than {longest} bytes")
        if (left := end - time.monotonic()) <= 0:
            raise TimeoutError("no line in time")
        connection.settimeout(left)
        if not (part := connection.recv(4096)):
            raise ValueError("no line came")
        found += part
    line = bytes(found.partition(b"\n")[0])
    if len(line) > longest:
        raise ValueError(f"a line of more than {longest} bytes")
    return line
