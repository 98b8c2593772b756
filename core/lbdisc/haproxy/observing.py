"""What HAProxy's own checks say of the servers that it has for endpoints."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from lbdisc.haproxy.errors import HaproxyError, Unreachable
from lbdisc.haproxy.language.model import after
from lbdisc.haproxy.language.text import Configuration
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.planning.servers import endpoint as split
from lbdisc.haproxy.sockets.master import Master
from lbdisc.haproxy.sockets.rows import Stat, read_stats
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.haproxy.versions import BY_OS
from lbdisc.observed import HealthState, ServerHealth, ServerLoad, Word, best
from lbdisc.values import Endpoint

PATIENCE = 0.5  # seconds; the agent waits meanwhile
SERVERS = "show stat -1 4 -1"
LONGEST = 120  # characters of what a node may have answered
_ANSWERS = ("hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other")
_ERRORS = ("econ", "eresp", "hrsp_5xx")  # to connect, while it answered, what it answered
_COUNTS = frozenset((*_ANSWERS, *_ERRORS))
Key = tuple[str, str]  # proxy and server
Place = tuple[str, int]  # address and port


class HaproxyHealth:
    """Asks the worker that runs, in one question whatever the number of endpoints."""

    def __init__(self, master_socket: str) -> None:
        self._master = Master(master_socket, timeout=PATIENCE)
        # In one: two threads may ask, and meet a model and the places of another.
        self._known: tuple[Configuration | None, Mapping[Place, Sequence[Key]]] = None, {}

    def lingering(self) -> tuple[int, ...]:
        """The ages of the workers that a reload has replaced. Raises ``HaproxyError``."""
        return tuple(worker.uptime for worker in self._master.processes().old)

    def health(self, live: Live | None, endpoints: Sequence[Endpoint]) -> tuple[ServerHealth, ...]:
        """One for each of ``endpoints``, in their order; ``unknown`` and why where none answers."""
        try:
            if live is None:
                raise Unreachable("what runs is not known")
            return self._ask(live, endpoints)
        except HaproxyError as error:
            return tuple(ServerHealth(e, "unknown", str(error)) for e in endpoints)

    def _ask(self, live: Live, endpoints: Sequence[Endpoint]) -> tuple[ServerHealth, ...]:
        keys = {endpoint: self._keys(live.model, endpoint) for endpoint in endpoints}
        reply = self._stats(live)
        rows = _by_key(reply, {key for its in keys.values() for key in its})
        sure = all(any(key in rows for key in its) for its in keys.values())
        # Perhaps the slots of a `server-template`, whose names the file does not have.
        others = {} if sure else _by_place(read_stats(reply))
        return tuple(
            best(
                e, [_word(live.model, rows[k]) for k in its if k in rows] or others.get(_at(e), ())
            )
            for e, its in keys.items()
        )

    def _keys(self, model: Configuration, endpoint: Endpoint) -> Sequence[Key]:
        """The servers that the running text has for ``endpoint``: by its place, or by its name."""
        known, places = self._known
        if model is not known:
            found: dict[Place, list[Key]] = defaultdict(list)
            for key, line in model.servers.items():
                found[split(line.address)].append(key)
            for key, address in model.slots.items():
                found[split(address)].append(key)
            places = found
            self._known = model, places
        return places.get(_at(endpoint), [endpoint.key])

    def _stats(self, live: Live) -> str:
        if not live.socket:
            reply = self._master.ask(f"@!{live.pid} {SERVERS}")
            if not reply.startswith("# "):
                raise Unreachable(f"worker {live.pid} does not answer")
            return reply
        with Runtime(live.socket, timeout=PATIENCE, worker=live.pid) as runtime:
            return runtime.asked(SERVERS)


def _at(endpoint: Endpoint) -> Place:
    return endpoint.address, endpoint.port


def _by_key(reply: str, keys: set[Key]) -> Mapping[Key, Stat]:
    return {(row.proxy, row.name): row for row in read_stats(reply, only=keys)}


def _by_place(rows: Iterable[Stat]) -> Mapping[Place, Sequence[Word]]:
    found: dict[Place, list[Word]] = defaultdict(list)
    for row in rows:
        found[split(row.fields.get("addr", ""))].append(_word(None, row))
    return found


def _word(model: Configuration | None, row: Stat) -> Word:
    since = row.fields.get("lastchg", "")
    steady = float(since) if since.isdecimal() else 0.0
    return _state(row), _why(model, row), steady, _load(row)


def _load(row: Stat) -> ServerLoad:
    """Requests by their answers: servers have no count of their own before HAProxy 2.7 or so.

    Columns: management manual 9.1. A proxy of mode tcp counts sessions alone.
    """
    texts = {name: row.fields.get(name, "") for name in _COUNTS}
    counts = {name: int(text) for name, text in texts.items() if text.isdecimal()}
    answers = [counts[name] for name in _ANSWERS if name in counts]
    return ServerLoad(
        sessions=row.sessions,
        queued=row.queued,
        requests=sum(answers) if answers else row.total_sessions,
        errors=sum(counts.get(name, 0) for name in _ERRORS),
    )


def _state(row: Stat) -> HealthState:
    """By the status column of ``show stat``; half-way it is ``UP 1/3``."""
    if row.status.startswith("MAINT"):
        return "maintenance"
    if row.status.startswith("DOWN"):
        return "down"
    return "up" if row.check_status else "unchecked"


def _why(model: Configuration | None, row: Stat) -> str:
    if row.status.startswith("MAINT"):
        return "" if row.status == "MAINT" else row.status
    words = row.last_check or row.fields.get("check_desc", "")
    if row.check_status == "L7STS" and (code := row.fields.get("check_code")):
        words = f"HTTP {code}{_request(model, row.proxy)}"
    elif row.check_status == "INI":
        words = "not checked yet"
    elif not row.status.startswith("DOWN"):
        return ""
    words = BY_OS.sub(r"\1", words)
    text = " ".join("".join(c if c.isprintable() else " " for c in words).split())[:LONGEST]
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _request(model: Configuration | None, proxy: str) -> str:
    """`` to HEAD /``, from the lines that say what is asked."""
    section = model.proxies.get(proxy) if model else None
    line = section.last("option", "httpchk") if section else None
    if section is None or line is None:
        return ""
    method, path = (*line.words[2:4], "", "")[:2]
    if send := section.last("http-check", "send"):
        method, path = after("meth", send.words) or method, after("uri", send.words) or path
    if method and not path:  # a single word is the path
        method, path = ("", method) if method.startswith("/") else (method, "")
    return f" to {method or 'OPTIONS'} {path or '/'}"
