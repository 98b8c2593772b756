"""What HAProxy's words about persistence and marks mean for a server that leaves. Pure.

The measure is a reload: the old worker serves the sessions that run, cut by nobody, and no new
request reaches the server. A server that is set in maintenance gives the same, unless a word of
``TABLE`` says otherwise. Sections are those of the configuration manual, the same in 2.6 to 3.4;
what they leave open was read in the sources of 2.6 (`srv_update_status`, `pendconn_redistribute`,
`sticking_rule_find_target`, `srv_currently_usable`) and looked for in those of 2.8 to 3.4.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lbdisc.haproxy.language.lines import ServerLine
from lbdisc.haproxy.language.model import Configuration, Section
from lbdisc.haproxy.planning.proxies import is_dynamic
from lbdisc.haproxy.planning.sameness import tracks
from lbdisc.haproxy.planning.servers import Spec, Unfit

Way = Literal["maintenance", "waits", "reload"]


@dataclass(frozen=True, slots=True)
class Word:
    """A keyword and how a server leaves under it: its ``way``, and in a few words why."""

    keyword: str
    manual: str
    way: Way
    why: str


TABLE: tuple[Word, ...] = (
    # What cuts.
    Word("on-marked-down shutdown-sessions", "5.2", "waits", "maintenance cuts what runs"),
    Word(
        "on-marked-down shutdown-sessions with persistence, a fixed balance or an ACL that counts"
        " slots",
        "5.2",
        "reload",
        "at weight 0 it would still get persistent clients, or count",
    ),
    Word("disabled, with on-marked-down shutdown-sessions", "5.2", "reload", "the same cut"),
    Word(
        "on-marked-up shutdown-backup-sessions",
        "5.2",
        "maintenance",
        "nothing at a leave; a server that comes, comes back or moves cuts the sessions of backup"
        " servers, so that is a reload where there are any",
    ),
    # What sends clients to a server that is down.
    Word("option persist, with persistence", "4.2", "reload", "its clients go on being sent there"),
    Word("force-persist, with persistence", "4.2", "reload", "its clients go on being sent there"),
    Word("ignore-persist", "4.2", "maintenance", "sends nobody anywhere"),
    # What remembers servers; it passes over one that is down, as over one that is not there.
    Word("cookie, in all its modes and with preserve", "4.2", "maintenance", "passed over"),
    Word("stick on, stick match", "4.2", "maintenance", "passed over; the next server is stored"),
    Word("stick store-request, stick store-response", "4.2", "maintenance", "only remember"),
    Word("persist rdp-cookie", "4.2", "maintenance", "passed over"),
    Word("use-server that may name it", "4.2", "reload", "the file would not load with it"),
    Word("option prefer-last-server", "4.2", "maintenance", "only a usable server is preferred"),
    Word("http-reuse, pool-*", "4.2, 5.2", "maintenance", "idle connections are closed"),
    # What waits for it.
    Word("maxconn, maxqueue, minconn, fullconn", "4.2, 5.2", "maintenance", "see redispatch"),
    Word(
        "option redispatch",
        "4.2",
        "maintenance",
        "with it queued requests go to others, without it to the server, as in an old worker",
    ),
    Word("retries, retry-on", "4.2", "maintenance", "are about requests that others may take"),
    # What others make of it.
    Word("track", "5.2", "reload", "who follows it would go down with it"),
    Word("agent-check", "5.2", "reload", "the agent may take it out of maintenance"),
    Word("backup, option allbackups", "4.2, 5.2", "maintenance", "it counts as down, thus not"),
    Word("balance, hash-type, hash-balance-factor", "4.2", "maintenance", "only usable ones count"),
    Word("hash-type consistent without id", "4.2, 5.2", "reload", "a fresh start counts anew"),
    Word("nbsrv, connslots, be_conn_free, avg_queue", "7.3.2", "maintenance", "count those up"),
    Word("srv_is_up, srv_conn and others that name it", "7.3.2", "reload", "would not load"),
    Word("observe, on-error, error-limit", "5.2", "maintenance", "nothing is sent to it"),
    Word("email-alert, external-check, log", "4.2", "maintenance", "at most one line more"),
    Word("option http-server-close, httpclose", "4.2", "maintenance", "end connections sooner"),
    Word("source … usesrc, and all that lbdisc does not know", "5.2", "reload", "not known"),
)

# Fetches that count the slots of a server at weight 0 (manual 7.3.2).
_COUNT_SLOTS = ("connslots(", "be_conn_free(")


def shuts_sessions(spec: Spec) -> bool:
    """Whether the server's sessions are cut when it goes into maintenance."""
    return spec.options.get("on-marked-down") == ("shutdown-sessions",)


def persists(section: Section) -> str:
    """What sends clients of a proxy to the server they had before, ``""`` for nothing."""
    for start in (("cookie",), ("stick", "on"), ("stick", "match"), ("persist", "rdp-cookie")):
        if section.every(*start):
            return " ".join(start)
    return ""


def waits_to_leave(spec: Spec, section: Section, configuration: Configuration) -> bool:
    """Whether a server that leaves waits at weight 0 for its sessions, before its maintenance.

    Raises ``Unfit`` where only a reload takes it out without harm.
    """
    where = f"server {spec.proxy}/{spec.name}"
    if keyword := spec.has("track", "agent-check"):
        raise Unfit(f"{where} has {keyword!r}: its removal needs a reload")
    if tracks(configuration):
        raise Unfit(f"{where} may be tracked: its removal needs a reload")
    persistent = persists(section)
    if persistent and (keyword := _sends_to_the_dead(section)):
        raise Unfit(f"{where}: {keyword!r} sends the clients of {persistent!r} to it as before")
    if not shuts_sessions(spec):
        return False
    if persistent:
        raise Unfit(f"{where}: its maintenance cuts sessions, and {persistent!r} sends it more")
    if not is_dynamic(section):
        raise Unfit(f"{where}: its maintenance cuts sessions, and its weight is fixed")
    if counted := _counts_slots(configuration):
        raise Unfit(f"{where}: its maintenance cuts sessions, and {counted!r} counts its slots")
    return True


def check_disabled_gently(spec: Spec) -> None:
    """Raise ``Unfit`` for a server that is disabled in the file, where that cuts sessions."""
    if shuts_sessions(spec):
        raise Unfit(f"server {spec.proxy}/{spec.name}: its maintenance cuts sessions")


def check_marked_up_gently(spec: Spec, servers: Iterable[ServerLine | None]) -> None:
    """Raise ``Unfit`` where a server that comes up cuts the sessions of backup ``servers``.

    ``None`` is a server of which nothing is known.
    """
    marks = spec.options.get("on-marked-up") == ("shutdown-backup-sessions",)
    if marks and "backup" not in spec.options and any(map(_is_backup, servers)):
        raise Unfit(f"server {spec.proxy}/{spec.name}: its 'on-marked-up' cuts backup sessions")


def _is_backup(server: ServerLine | None) -> bool:
    if server is None:
        return True
    return any("backup" in words for words in (server.options, *(d.words for d in server.defaults)))


def _sends_to_the_dead(section: Section) -> str:
    if section.every("force-persist"):
        return "force-persist"
    lines = (line.words for line in section.effective)
    said = [words for words in lines if words[:1] == ("option",) or words[:2] == ("no", "option")]
    its = [words for words in said if "persist" in words[1:3]]
    return "option persist" if its and its[-1][0] == "option" else ""


def _counts_slots(configuration: Configuration) -> str:
    words = (word for _, line, _ in configuration.numbered for word in (*line.words, line.raw))
    return next((count[:-1] for word in words for count in _COUNT_SLOTS if count in word), "")
