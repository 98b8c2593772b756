"""``[web]``: what may be set, and what is refused in one line."""

import pytest
from pydantic import SecretStr

from lbdisc_web.settings import WebSettings

TOKEN = SecretStr("a-token-of-16-signs")


@pytest.mark.parametrize(
    ("bind", "url"),
    [
        ("8405", "http://127.0.0.1:8405"),
        ("127.0.0.2:80", "http://127.0.0.2:80"),
        ("[::1]:8405", "http://[::1]:8405"),
    ],
)
def test_on_loopback_no_token_is_needed(bind: str, url: str) -> None:
    settings = WebSettings(bind=bind)
    assert settings.url == url
    assert settings.open


@pytest.mark.parametrize("bind", ["0.0.0.0:8405", "[::]:8405", "10.0.0.5:8405"])
def test_what_others_reach_needs_a_token(bind: str) -> None:
    with pytest.raises(ValueError, match="set token or token_file, or bind to loopback"):
        WebSettings(bind=bind)
    assert not WebSettings(bind=bind, token=TOKEN).open


@pytest.mark.parametrize("bind", ["nowhere", "host:1", "0", "65536", "10.0.0.5", ":", "1:2:3", "٣"])
def test_another_place_is_refused_with_what_would_be_right(bind: str) -> None:
    with pytest.raises(ValueError, match="PORT or ADDRESS:PORT, as 8405"):
        WebSettings(bind=bind)


def test_a_token_that_can_be_guessed_is_refused_and_not_shown() -> None:
    with pytest.raises(ValueError, match="16 ASCII characters or more") as refused:
        WebSettings(bind="8405", token=SecretStr("short"))
    assert "short" not in str(refused.value)
    assert "a-token" not in repr(WebSettings(bind="8405", token=TOKEN))
