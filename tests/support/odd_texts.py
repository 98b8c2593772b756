"""Proxies as text the way people write them: odd spellings, and what a plan must not overlook."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

Words = tuple[str, ...]


@dataclass
class Draft:
    """A proxy that is being written, with the sections around it; all lines as words."""

    head: Words
    lines: list[Words]
    servers: list[Words]
    before: list[Words] = field(default_factory=list)
    after: list[Words] = field(default_factory=list)

    @property
    def proxy(self) -> str:
        return self.head[1]

    @property
    def words(self) -> list[Words]:
        return [*self.before, self.head, *self.lines, *self.servers, *self.after]

    def first(self, *more: str) -> None:
        """Give the first server more keywords."""
        self.servers[:1] = [(*server, *more) for server in self.servers[:1]]


Oddity = Callable[[Draft], None]


def _two_of_one_name(draft: Draft) -> None:
    draft.servers += [("server", name, "127.0.0.3:7003") for _, name, *_ in draft.servers[:1]]


def _another_name(draft: Draft) -> None:
    draft.head = ("backend", "other")


def _proxy_gone(draft: Draft) -> None:
    draft.head, draft.lines, draft.servers = ("backend", "other"), [], []


def _another_proxy(draft: Draft) -> None:
    draft.after += [("backend", "more"), ("server", "s1", "127.0.0.1:7001", "weight", "3")]


def _other_order(draft: Draft) -> None:
    draft.servers.reverse()


def _resolvers(draft: Draft) -> None:
    draft.before += [("resolvers", "dns"), ("nameserver", "one", "127.0.0.1:9")]
    words = ("resolvers", "dns", "init-addr", "libc,none", "resolve-prefer", "ipv4")
    draft.servers.append(("server", "named", "localhost:7001", "id", "90", *words))


def _inherits(name: str, *keywords: str) -> Oddity:
    """The proxy takes over a named section of defaults; there are always two."""

    def change(draft: Draft) -> None:
        for section, words in (("one", keywords), ("two", ("maxconn", "6"))):
            draft.before += [("defaults", section), ("mode", "http"), ("timeout", "server", "5s")]
            draft.before += [("timeout", "connect", "1s"), ("timeout", "client", "5s")]
            draft.before.append(("default-server", *words))
        draft.head = (*draft.head, "from", name)

    return change


def _condition(draft: Draft) -> None:
    draft.servers[:] = [(".if", "1"), *draft.servers, (".endif",)]


def _tracking(draft: Draft) -> None:
    draft.first("track", f"{draft.proxy}/watched")
    words = ("id", "94", "check", "inter", "100ms", "fall", "1")
    draft.servers.append(("server", "watched", "127.0.0.1:7001", *words))


def _has(*keywords: str) -> Oddity:
    return lambda draft: draft.first(*keywords)


def _line(*words: str) -> Oddity:
    return lambda draft: draft.lines.append(words)


def _server(*words: str) -> Oddity:
    return lambda draft: draft.servers.append(words)


def _in_the_middle(*words: str) -> Oddity:
    return lambda draft: draft.servers.insert(1, words)


ODDITIES: Mapping[str, Oddity] = {
    "two servers of one name": _two_of_one_name,
    "another name of the proxy": _another_name,
    "no proxy": _proxy_gone,
    "another proxy": _another_proxy,
    "another order": _other_order,
    "server-template": _server("server-template", "t", "2", "127.0.0.1:7001"),
    "resolvers": _resolvers,
    "a host name": _server("server", "named", "localhost:7001", "id", "90"),
    "no port": _server("server", "portless", "127.0.0.1", "id", "91"),
    "a variable": _server("server", "there", '"${LBDISC_NO_SUCH-}127.0.0.1:7001"', "id", "92"),
    "a condition": _condition,
    "default-server": _line("default-server", "maxconn", "11", "rise", "4"),
    "default-server, weight": _line("default-server", "weight", "7"),
    "default-server between": _in_the_middle("default-server", "maxconn", "5", "backup"),
    "named defaults": _inherits("one", "maxconn", "5"),
    "other named defaults": _inherits("two", "maxconn", "5"),
    "changed named defaults": _inherits("one", "maxqueue", "8", "backup"),
    "use-server": _line("use-server", "s2", "if", "TRUE"),
    "a rule that names a server": _line("http-request", "deny", "if", "{ srv_is_up(s2) }"),
    "tracking": _tracking,
    "an agent": _has("agent-check", "agent-port", "9", "agent-inter", "9s"),
    "a blank in a word": _has("check-sni", "a b"),
    "tfo": _has("tfo"),
    "max-reuse": _has("max-reuse", "5"),
    "tcp-ut": _has("tcp-ut", "5s"),
    "socks4": _has("socks4", "127.0.0.1:9"),
    "source": _has("source", "127.0.0.1"),
    "init-addr": _has("init-addr", "none"),
    "redir": _has("redir", "http://other.example"),
    "a cookie": _has("cookie", "one"),
    "two weights": _has("weight", "3", "weight", "9"),
    "a weight with a zero": _has("weight", "09"),
    "a negation": _has("backup", "no-backup"),
    "an address in another spelling": _server(
        "server", "there", "ipv4@127.0.0.1:07001", "id", "93"
    ),
}


def _plain(words: Words) -> str:
    return "  " + " ".join(_escaped(word) for word in words)


def _escaped(word: str) -> str:
    # A word in quotes, or of an expression, is one that stands as it is.
    return word if word[:1] in '"{' else word.replace(" ", "\\ ")


def _quoted(word: str, quote: str) -> str:
    return word if word[:1] in '"{' else f"{quote}{word}{quote}"


def _partly(word: str) -> str:
    return word if word[:1] in '"{' or " " in word else f"{word[:1]}'{word[1:]}'"


def _hex(word: str) -> str:
    return word if word[:1] in '"{' else f"\\x{ord(word[0]):02x}{_escaped(word[1:])}"


# The same words in other spellings; what begins a section or a condition stays readable to people.
SPELLINGS: Sequence[Callable[[Words], str]] = (
    _plain,
    _plain,
    lambda words: "\t \t" + "\t ".join(map(_escaped, words)) + "  \t",
    lambda words: "".join(map(_escaped, words[:1])) + _plain(words[1:]) + " # server s1 1.2.3.4:5",
    lambda words: "# server s1 127.0.0.9:9\n\n" + _plain(words) + "\r",
    lambda words: " " + " ".join(_quoted(word, '"') for word in words),
    lambda words: " " + " ".join(_quoted(word, "'") for word in words),
    lambda words: " " + " ".join(map(_partly, words)),
    lambda words: " " + " ".join(map(_hex, words)),
)


def spelt(lines: Sequence[Words], spellings: Sequence[int]) -> str:
    """The lines as text, each in the next of ``spellings``, which begin anew at their end."""
    numbers = (spellings[at % len(spellings)] for at in range(len(lines)))
    return "".join(
        f"{SPELLINGS[number](words)}\n" for number, words in zip(numbers, lines, strict=True)
    )
