"""Texts and numbers that somebody, somewhere, takes for something else."""

import json
from random import Random

# What ends a line, a word or a text for some reader, what looks like something else, what moves a
# cursor, and what is no text at all.
SIGNS = (
    *("\n", "\r", "\r\n", "\0", "\x0b", "\x0c", "\x1c", "\x1b[2J", "\x7f", "\x85", "\u2028"),
    *("\u2029", "\ufeff", "\u202e", "\ud800", "\udcff", "\u00a0", "\t", " ", "  "),
    *("\u0430", "\uff11", "\u0661", "\u00b2", "é", "ß", "ı", "İ", "K", "🙂", "\U000e0001"),
    *('"', "'", "\\", "`", "$", "${HOME}", "%[src]", "#", "{", "}", "{{", "}}", "{%", "%}"),
    *("{{7*7}}", ";", "|", "&", "<", ">", "*", "(", ")", "@", "!", "^", "~", "+", "=", ",", ":"),
    *("::", "[", "]", "/", "//", "..", "../..", ".", "-", "_", "%00", "%0a", "\\n", "\\x41"),
)
INJECTIONS = (
    *("a\n    server evil 6.6.6.6:80", "a check disabled", "a # ", "s1 10.0.0.1:80\nbackend x"),
    *("a\r\n  http-request deny", "unix@/var/run/x", "abns@x", "fd@3", "ipv4@10.0.0.1"),
    *("10.0.0.1:80 ssl", "/var/run/haproxy.sock", "127.0.0.1:9999", "$HOME", '"$HOME"'),
    *("%[env(HOME)]", "a;shutdown", "a;set server nodes/s1 state maint", "@1", "<<", "<<\nx\n\n"),
    *("{{ config }}", "{% raw %}", "s1/../s2", "../../../etc/passwd", "nul", "default", "s1\0"),
    *("add server", "10.0.0.1#x", "10.0.0.1\\ x", "169.254.169.254", "0.0.0.0", "::", "::1"),
    *("fe80::1%eth0", "fe80::1%25lo", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "127.1"),
    *("0177.0.0.1", "2130706433", "0x7f000001", "0x7f.1", "localhost", "LOCALHOST", "[::1]"),
    *("[::1", "1.2.3.4.", "1.2.3", "1.2.3.4.5", "255.255.255.255", "224.0.0.1", "ff02::1"),
    *("a" * 253, "a" * 254, ("a" * 63 + ".") * 4, "-a", "a-", "_a", "a_", "xn--", "*.x", "a..b"),
    *(".", "..", "", "_agents", "__class__", "stats", "global", "from", "localnodes"),
)
NUMBERS = (
    *("0", "-0", "-1", "1", "80", "65535", "65536", "99999", "1e2", "80.0", "8e1", "1E400"),
    *("-1E400", "NaN", "Infinity", "-Infinity", "1" * 50, "1" * 4300, "1" * 4301, "9" * 20000),
    *("true", "false", "null", '"80"', "[80]", '{"a":80}', "256", "257", "100", "0x50", "080"),
    *("+80", "80 ", "1_0", "²", "٣", "８０"),
)


def text(draw: Random) -> str:
    """A text for a name, an address or a tag: now and then a good one."""
    kind = draw.random()
    if kind < 0.25:
        return draw.choice(INJECTIONS)
    if kind < 0.5:
        return f"s{draw.randrange(200)}{draw.choice(SIGNS)}{draw.choice(('', 'x', '10.0.0.1'))}"
    if kind < 0.6:
        return "".join(draw.choice(SIGNS) for _ in range(draw.randrange(1, 6)))
    if kind < 0.7:
        limits = (128, 0x300, 0x110000)
        return "".join(chr(draw.randrange(draw.choice(limits))) for _ in range(draw.randrange(12)))
    if kind < 0.75:
        return "a" * draw.choice((1, 254, 255, 256, 1023, 1024, 1025, 5000))
    good = (f"10.0.0.{draw.randrange(1, 250)}", "web-1.example", "2001:db8::7", "s7")
    return draw.choice(good)


def quoted(draw: Random, value: str) -> str:
    """``value`` as a JSON text; one in five is none, as nothing in it is escaped."""
    kind = draw.random()
    return f'"{value}"' if kind < 0.2 else json.dumps(value, ensure_ascii=kind < 0.7)


def raw(value: str) -> bytes:
    """``value`` in UTF-8, also what is none."""
    return value.encode("utf-8", "surrogatepass")
