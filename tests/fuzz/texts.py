"""Configurations as nobody would write them, out of parts that mean something."""

from hypothesis import strategies as st

from fuzz import words

_KEYWORDS = (
    *("global", "defaults", "frontend", "backend", "listen", "peers", "resolvers", "userlist"),
    *("server", "server-template", "default-server", "bind", "stats", "socket", "maxconn", "mode"),
    *("http", "tcp", "balance", "roundrobin", "uri", "first", "hash-type", "consistent", "cookie"),
    *("use-server", "if", "from", "a", "b", "x", "check", "weight", "disabled", "backup", "id"),
    *("track", "a/b", "ssl", "verify", "none", "required", "ca-file", "agent-check", "observe"),
    *("hold", "timeout", "server-state-file", "server-state-base", "setenv", "default-path"),
    *("127.0.0.1:80", "[::1]:80", ":80", "1-3", "1-999999", "999999", "0", "256", "09", "1m30s"),
    *("unix@/x", "abns@x", "fd@1", "stats", "crt-store", "load", "crt", "-f", "-M", "map(/m)"),
    *("jwt_verify(", "http-request", "deny", "{ srv_is_up(b) }", "level", "admin", "#", "\\", '"'),
    *(".if", ".elif", ".else", ".endif", "1", "!", "(", ")", "&&", "||", "version_atleast(2.6)"),
    *("streq(a,b)", "defined(X)", '"$X"', '"${X-a}"', '"${X[*]}"', "'", "$X", ".LINE", "\\x41"),
    *("9" * 30, "9" * 5000, "²", "٣", "-1", "1e3", "0x10"),
)
word = st.sampled_from((*_KEYWORDS, *words.SIGNS, *words.NUMBERS))
line = st.builds(
    lambda indent, parts, glue: indent + glue.join(parts),
    st.sampled_from(("", "  ", "\t")),
    st.lists(word, max_size=8),
    st.sampled_from((" ", " ", " ", "", "\t")),
)
# Mostly servers of one proxy, as plans are about those.
_server = st.builds(
    lambda name, address, more: f"  server {name} {address} {' '.join(more)}",
    st.sampled_from(("a", "b", "c", '""', "a/b")),
    st.sampled_from(("127.0.0.1:80", "127.0.0.2:80", "[::1]:80", "host:80", '""', "x")),
    st.lists(word, max_size=3),
)
_head = st.sampled_from(("backend x", "listen x", "backend y from a", "defaults a", "global", ""))
lines = st.lists(st.one_of(_server, _server, line, _head), max_size=25)
text = lines.map("\n".join)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, str]:
    """Two texts, the second mostly the first with a few lines changed."""
    one = draw(lines)
    if draw(st.booleans()):
        return "\n".join(one), draw(text)
    other = list(one)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(other) - 1)))
        other[at : at + draw(st.integers(0, 2))] = draw(
            st.lists(st.one_of(_server, line), max_size=2)
        )
    return "\n".join(one), "\n".join(other)
