"""The agent's page in a real Chromium: whole, live, legible, by keyboard, and safe."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr

from lbdisc import Endpoint, events
from lbdisc.observed import ServerHealth, ServerLoad
from support.pages import CONTRASTS, browser, window
from support.scene import Scene
from support.stage import Slow
from support.steering import until
from support.web_pages import TOKEN, ServedPage, applied, some

HOSTILE = '<script>window.hit=1</script>"><img src=x onerror="window.hit=1">\u202eevil\u200f'
LONG = "x" * 255
PATIENCE = 60_000  # milliseconds; catches a hang, measures nothing

Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedPage]:
    with closing(ServedPage(tmp_path)) as made:
        yield made


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Opened]:
    """Opens a page; at the end nothing was said or failed, and no other host was asked."""
    said: list[str] = []
    own: set[str] = set()
    contexts = []

    def open_page(url: str, **look: Any) -> Page:
        context = window(chromium, **look)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda asked: said.append(asked.url))
        own.add(url)
        page.goto(url)
        expect(page.locator("#line")).to_have_text("live", timeout=PATIENCE)
        return page

    yield open_page
    for context in contexts:
        context.close()
    # Chromium has its own word on a connection that ends, which the script deals with.
    allowed = ("Failed to load resource", *own)
    assert [one for one in said if not one.startswith(allowed)] == []


def busy(served: ServedPage) -> None:
    """All kinds of things at once, as bad as they may be."""
    nodes = some(4)
    odd = Endpoint(
        service="nodes", name=LONG, address="2001:db8::7", port=80, tags=(("zone", HOSTILE[:60]),)
    )
    agent = events.FleetAgent(
        agent="lb2",
        address="10.0.0.9",
        differs=("list",),
        waits=(nodes[3].key,),
        services=("nodes",),
    )
    served.hear(
        applied(*nodes[:3], nodes[3].drain(), odd),
        events.ServersObserved(
            servers=(
                ServerHealth(nodes[0], "up", "", 9.0, ServerLoad(requests=123456789)),
                ServerHealth(nodes[1], "down", HOSTILE + LONG, 9.0, ServerLoad(errors=5)),
                ServerHealth(nodes[2], "maintenance"),
                ServerHealth(odd, "unknown", "no server"),
            )
        ),
        events.RegistryLost(error=HOSTILE + LONG, kind="registry", retry_s=1.0),
        events.FleetSeen(agents=(agent,)),
    )


def test_a_thousand_endpoints_are_all_there_those_in_trouble_first(
    served: ServedPage, opened: Opened
) -> None:
    nodes = some(1000)
    down = events.ServersObserved(
        servers=tuple(ServerHealth(n, "down" if n is nodes[777] else "up") for n in nodes)
    )
    served.hear(applied(*nodes), down)
    page = opened(served.url)
    expect(page.locator("#services tbody tr")).to_have_count(1000)
    expect(page.locator("#services tbody tr .name").first).to_have_text("web-777")
    expect(page.locator(".count")).to_have_text("999 of 1,000 up")


def test_a_list_of_many_pages_is_whole_for_search_and_screen_readers(
    served: ServedPage, opened: Opened
) -> None:
    served.hear(applied(*some(3000)))
    page = opened(served.url)
    expect(page.locator("#services")).to_have_attribute("aria-busy", "false", timeout=PATIENCE)
    assert page.locator("#services tbody tr").count() == 3000
    assert page.evaluate("find('web-2999')")  # as by Ctrl-F, in what was never in sight
    session = page.context.new_cdp_session(page)
    tree = session.send("Accessibility.getFullAXTree")["nodes"]
    names = {node.get("name", {}).get("value") for node in tree}
    assert {"web-0", "web-1500", "web-2999"} <= names


def test_changes_while_the_list_is_drawn_are_not_lost(served: ServedPage, opened: Opened) -> None:
    nodes = some(3000)
    served.hear(applied(*nodes))
    page = opened(served.url)
    served.hear(
        applied(*nodes[5:], generation=2),
        events.ServersObserved(servers=(ServerHealth(nodes[2500], "down"),)),
    )
    rows = page.locator("#services tbody tr")
    expect(rows).to_have_count(2995)
    expect(rows.first.locator(".name")).to_have_text("web-2500")
    order = "all => all.map((one) => one.textContent)"
    shown = page.locator("#services tbody .name").evaluate_all(order)
    assert shown == ["web-2500", *(one.name for one in nodes[5:] if one.name != "web-2500")]


def test_a_change_is_on_the_page_by_itself(served: ServedPage, opened: Opened) -> None:
    page = opened(served.url)
    expect(page.locator("#services")).to_have_text("No endpoint runs.")
    served.hear(applied(*some(2)))
    expect(page.locator("#services tbody tr")).to_have_count(2)
    served.hear(applied(*some(1), generation=2))
    expect(page.locator("#services tbody tr")).to_have_count(1)
    expect(page.locator("#events li").first).to_contain_text("generation 2")


def test_a_real_join_is_on_the_page_of_a_real_agent(tmp_path: Path, opened: Opened) -> None:
    with closing(ServedPage(tmp_path / "none")) as other:
        port = other.port
    with Scene(tmp_path, web={"bind": str(port)}) as scene:
        scene.join("web-1")
        scene.agent()
        page = opened(f"http://127.0.0.1:{port}")
        expect(page.locator("#verdict")).to_contain_text("Good", ignore_case=True, timeout=PATIENCE)
        scene.join("web-2")
        row = page.locator("#services tr", has_text="web-2")
        expect(row.locator(".word")).to_have_text("up", timeout=PATIENCE)
        expect(page.locator("#events li").filter(has_text="nodes/web-2 joined")).to_have_count(1)


def test_it_comes_back_by_itself_when_the_agent_does(served: ServedPage, opened: Opened) -> None:
    page = opened(served.url)
    served.close()
    expect(page.locator("#line")).to_contain_text("connection lost", timeout=PATIENCE)
    served.begin()
    served.hear(applied(*some(3)))
    expect(page.locator("#services tbody tr")).to_have_count(3, timeout=PATIENCE)
    expect(page.locator("#line")).to_have_text("live")


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_nothing_sticks_out(served: ServedPage, opened: Opened, width: int) -> None:
    busy(served)
    page = opened(served.url, width=width)
    expect(page.locator("#services tbody tr")).to_have_count(5)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = "all => all.filter(one => one.getBoundingClientRect().right > innerWidth + 1).length"
    assert page.locator("main *").evaluate_all(wide) == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_can_be_read(served: ServedPage, opened: Opened, *, dark: bool) -> None:
    busy(served)
    page = opened(served.url, dark=dark)
    expect(page.locator("#services tbody tr")).to_have_count(5)
    assert page.evaluate(CONTRASTS) == []


def test_what_others_wrote_is_text_and_nothing_else(served: ServedPage, opened: Opened) -> None:
    busy(served)
    page = opened(served.url)
    expect(page.locator("main")).to_contain_text("<script>window.hit=1</script>")
    assert page.evaluate("window.hit") is None
    assert page.locator("main script, main img, main [style], main [onerror]").count() == 0
    shown = page.locator("main").inner_text()
    assert "\u202e" not in shown
    assert "\u200f" not in shown


def test_the_browser_runs_no_script_of_the_page_and_asks_no_other_host(
    served: ServedPage, chromium: Browser
) -> None:
    context = window(chromium)
    page = context.new_page()
    page.goto(served.url)
    put = "one.textContent = 'window.hit = 1'; document.body.append(one)"
    for line in (
        f"const one = document.createElement('script'); {put}",
        "document.body.innerHTML = 'x'",
    ):
        page.evaluate(f"() => {{ try {{ {line} }} catch {{}} }}")
    assert page.evaluate("window.hit") is None
    assert page.locator("body").inner_text() != "x"
    asked = "url => fetch(url).then(() => 'answered', (error) => String(error))"
    assert "TypeError" in page.evaluate(asked, "http://127.0.0.2:1/")
    context.close()


def test_it_is_found_and_left_out_by_what_is_typed(served: ServedPage, opened: Opened) -> None:
    served.hear(applied(*some(30)))
    page = opened(served.url)
    page.get_by_label("Find an endpoint").fill("web-2")
    expect(page.locator("#services tbody tr:visible")).to_have_count(11)
    page.get_by_label("Find an endpoint").fill("10.0.0.7")
    expect(page.locator("#services tbody tr:visible")).to_have_count(1)


def test_the_keyboard_reaches_all_that_can_be_used(served: ServedPage, opened: Opened) -> None:
    served.hear(applied(*some(3)))
    page = opened(served.url)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the endpoints")
    page.keyboard.press("Enter")
    expect(page.locator("#endpoints")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Find an endpoint")).to_be_focused()


def test_a_screen_reader_hears_the_verdict_once_and_finds_its_way(
    served: ServedPage, opened: Opened
) -> None:
    busy(served)
    page = opened(served.url, width=390)
    expect(page.locator("[aria-live=polite]")).to_contain_text("failed: not running")
    for role in ("banner", "main", "contentinfo"):
        expect(page.get_by_role(role)).to_have_count(1)
    table = page.get_by_role("table", name="Endpoints of nodes")
    expect(table.get_by_role("row")).to_have_count(6)
    expect(table.get_by_role("columnheader")).to_have_count(7)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)


def test_who_is_elsewhere_gives_the_token_first(tmp_path: Path, chromium: Browser) -> None:
    with closing(ServedPage(tmp_path)) as other:
        bind = f"0.0.0.0:{other.port}"
    with closing(ServedPage(tmp_path, bind=bind, token=SecretStr(TOKEN))) as served:
        served.hear(applied(*some(2)))
        context = window(chromium)
        page = context.new_page()
        page.goto(served.url)
        field = page.locator("#token")
        field.fill("something-else-of-16")
        field.press("Enter")
        expect(page.locator("#token-fault")).to_have_text("That was not it.", timeout=PATIENCE)
        assert page.locator("#services tbody tr").count() == 0
        field.fill(TOKEN)
        field.press("Enter")
        expect(page.locator("#services tbody tr")).to_have_count(2, timeout=PATIENCE)
        assert TOKEN not in page.content()
        context.close()


def test_who_gave_the_token_overrules_and_undoes_with_a_reason(
    tmp_path: Path, opened: Opened
) -> None:
    with closing(ServedPage(tmp_path / "none")) as other:
        port = other.port
    with Scene(tmp_path, web={"bind": str(port), "token": TOKEN}) as scene:
        scene.join("web-1", "web-2")
        scene.agent()
        page = opened(f"http://127.0.0.1:{port}")
        assert page.get_by_role("button", name="Change").count() == 0
        give_token(page)
        overrule(page, "nodes/web-2", "disable")
        expect(page.locator("#operator")).to_contain_text("nodes/web-2 is left out here")
        expect(page.locator("#operator")).to_contain_text("its disk (on the page, 127.0.0.1)")
        until(scene, "web-2", "")
        overrule(page, "nodes/web-2", "undo")
        until(scene, "web-2", "UP")
        expect(page.locator("#operator")).to_be_hidden()


def test_who_gave_the_token_pauses_and_resumes(tmp_path: Path, opened: Opened) -> None:
    with closing(ServedPage(tmp_path / "none")) as other:
        port = other.port
    with Scene(tmp_path, web={"bind": str(port), "token": TOKEN}) as scene:
        scene.join("web-1")
        scene.agent()
        page = opened(f"http://127.0.0.1:{port}")
        give_token(page)
        for word in ("Pause", "Resume"):
            page.get_by_role("button", name=f"{word} applying").click()
            page.get_by_label("Why").fill("a deployment")
            page.get_by_role("button", name="Do it").click()
            shown = expect(page.locator("#operator"))
            if word == "Pause":
                shown.to_contain_text("Paused", timeout=PATIENCE)
                expect(page.locator("#verdict")).to_contain_text("paused by", timeout=PATIENCE)
            else:
                shown.to_be_hidden(timeout=PATIENCE)


def test_a_drain_is_there_after_the_page_was_loaded_anew(tmp_path: Path, opened: Opened) -> None:
    with closing(ServedPage(tmp_path / "none")) as other:
        port = other.port
    with Slow() as slow, Scene(tmp_path, web={"bind": str(port), "token": TOKEN}) as scene:
        scene.list("slow", slow.port)
        scene.agent()
        scene.until_up("slow")
        slow.keep_busy(scene.port)
        page = opened(f"http://127.0.0.1:{port}")
        give_token(page)
        overrule(page, "nodes/slow", "drain")
        for _ in range(3):
            expect(page.locator("#drains")).to_contain_text("nodes/slow", timeout=PATIENCE)
            expect(page.locator("#operator")).to_contain_text("nodes/slow drains here")
            expect(page.locator("#services .word")).to_contain_text("draining, overruled: drain")
            page.reload()
            expect(page.locator("#line")).to_have_text("live", timeout=PATIENCE)
        assert (
            page.get_by_role("button", name="Change").count() == 0
        )  # the token went with the page


def give_token(page: Page, token: str = TOKEN) -> None:
    page.get_by_role("button", name="Unlock actions").click()
    page.locator("#token").fill(token)
    page.keyboard.press("Enter")


def overrule(page: Page, whom: str, how: str) -> None:
    """As somebody on call does it, who has to say why."""
    page.get_by_role("button", name=f"Change {whom}").first.click()
    page.locator("#how").select_option(how)
    page.get_by_role("button", name="Do it").click()
    expect(page.locator("#ask-act")).to_be_visible()  # a reason is wanting
    page.get_by_label("Why").fill("its disk")
    page.keyboard.press("Enter")
    expect(page.locator("#ask-act")).to_be_hidden(timeout=PATIENCE)
