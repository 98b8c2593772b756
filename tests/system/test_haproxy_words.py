"""Lines are cut into words as HAProxy cuts them: it is asked through its environment."""

from random import Random

from lbdisc.haproxy.language.words import split
from support.haproxies import place

PLAIN = ("a", "b", "$", "{", "é", "\\ ", "\\'", '\\"', "\\#", "\\\\", "\\n", "\\x41", "\\q")
PARTS = (
    *PLAIN,
    *("' '", "'\"#'", "'\\'", "'$X'", "''", '" "', '"\'#"', '"\\""', '"\\$X"', '""', "#", "\x1c"),
)


def test_words_are_those_that_haproxy_sees() -> None:
    random = Random(4)
    lines, expected = [], {}
    for number in range(300):
        word = "".join(random.choices(PARTS, k=random.randint(1, 6)))
        line = f"  setenv V{number} {word}"
        words, exact = split(line)
        assert exact
        if len(words) == 3 and words[2]:  # setenv takes no empty value
            lines.append(line)
            expected[words[1]] = words[2]
    assert len(expected) > 200
    with place("system") as here:
        text = here.text("").replace("global\n", "global\n" + "\n".join(lines) + "\n", 1)
        with here.running(text) as running:
            environment = running.runtime.ask("show env")
    missing = [name for name, value in expected.items() if f"{name}={value}\n" not in environment]
    assert missing == []
