"""Lines are cut into words as HAProxy cuts them: it tells by its environment, and by `-dC`."""

import os
import subprocess
from pathlib import Path
from random import Random

import pytest

from lbdisc.haproxy.language.text import SECTIONS
from lbdisc.haproxy.language.words import split
from support.haproxies import VERSIONS, place

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


SHAPES = sorted(Path(__file__).parents[1].joinpath("shapes", "words").glob("*.cfg"))
ENVIRONMENT = {
    **{"LBD_ONE": "one", "LBD_TWO": "two words", "LBD_EMPTY": "", "_LBD": "under"},
    **{"LBD_ARGS": "s 127.0.0.1:1 check", "LBD_PADDED": "  a  b ", "LBD_HASH": "a # b"},
    **{"LBD_QUOTES": "a\"b'c", "LBD_BACK": "a\\nb"},
}


@pytest.fixture(scope="module")
def newest() -> str:
    """The newest HAProxy that is had; 2.9 and newer tell the words that they read."""
    found = []
    for version in VERSIONS:
        with place(version) as here:
            found.append((here.numbers, here.binary))
    numbers, binary = max(found)
    if numbers < (2, 9, 0):
        pytest.skip(f"HAProxy {numbers[0]}.{numbers[1]} knows no -dC; 2.9 does")
    return binary


@pytest.mark.parametrize("shape", SHAPES, ids=[shape.stem for shape in SHAPES])
def test_a_file_is_read_word_for_word_as_haproxy_does(newest: str, shape: Path) -> None:
    dump = subprocess.run(
        [newest, "-c", "-dC", "-f", str(shape)],
        capture_output=True,
        check=False,
        env={**os.environ, **ENVIRONMENT},
    ).stdout
    told = b"".join(line for line in dump.splitlines(keepends=True) if line.strip())
    assert told.startswith(read(shape))


def read(shape: Path) -> bytes:
    """The file as HAProxy dumps what it reads, without empty lines."""
    text = shape.read_bytes().decode(errors="surrogateescape")
    lines = (split(line, ENVIRONMENT)[0] for line in text.split("\n"))
    dump = "".join(_dumped(words) for words in lines if words)
    found = dump.encode(errors="surrogateescape")
    return b"".join(line for line in found.splitlines(keepends=True) if line.strip())


def _dumped(words: tuple[str, ...]) -> str:
    return ("" if words[0] in SECTIONS else "\t") + "".join(f"{word} " for word in words) + "\n"


def test_enough_shapes_are_there() -> None:
    assert len(SHAPES) >= 40
