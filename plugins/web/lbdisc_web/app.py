"""The routes: the page with its files, its state, its changes and its actions."""

import json
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lbdisc_web.acting import LONGEST, PageOrder, answered
from lbdisc_web.first import FirstPage
from lbdisc_web.gate import HEADERS, PageGate, PageRefusal
from lbdisc_web.hub import PAGES, OpenPages
from lbdisc_web.packing import PackedText, takes_gzip

STATIC = Path(__file__).parent / "static"
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_PACKED = {"content-encoding": "gzip"}

ACTING = 4  # actions that wait for the agent's answer at once
MISPLACED = "the token stands in the action: it is given in the header Authorization alone"


def application(hub: OpenPages, gate: PageGate, state_dir: Path) -> ASGIApp:
    """What answers; every answer has the headers that keep a browser safe."""
    files = {
        path.name: PackedText(path.read_bytes())
        for path in STATIC.iterdir()
        if path.suffix in KINDS
    }
    first = FirstPage((STATIC / "page.html").read_bytes())
    acting = 0

    async def page(request: Request) -> Response:
        """With what it shows, for whoever may see that without the token."""
        text = first.showing(hub.now(), hub.number) if gate.open_to_read else first.bare
        return _answer(request, text, "text/html")

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in files:
            return said(PageRefusal(404, "no such file"))
        return _answer(request, files[name], KINDS[Path(name).suffix])

    async def state(request: Request) -> Response:
        if refused := gate.unread(request.headers, _asker(request)):
            return said(refused)
        text = PackedText(json.dumps(hub.now()).encode())
        return _answer(request, text, "application/json")

    async def events(request: Request) -> Response:
        if refused := gate.unread(request.headers, _asker(request)):
            return said(refused)
        if hub.full:
            return said(PageRefusal(503, f"{PAGES} pages are open: close one"))
        have = request.query_params.get("have", "")
        number = int(have) if have.isascii() and have.isdigit() and len(have) < 20 else 0
        pack = takes_gzip(request.headers)
        told = hub.stream(have=number, pack=pack)
        return StreamingResponse(told, 200, _PACKED if pack else {}, "text/event-stream")

    async def act(request: Request) -> Response:
        nonlocal acting
        if refused := gate.unproven(request.headers, _asker(request)):
            return said(refused)
        if acting >= ACTING:
            return said(PageRefusal(503, "other actions wait for the agent: try again"))
        acting += 1
        try:
            asked = _order(await body(request), gate)
            status, text = await run_in_threadpool(answered, asked, state_dir, _asker(request))
        except ValueError as error:
            return said(PageRefusal(400, str(error)))
        finally:
            acting -= 1
        return said(PageRefusal(status, text))

    routes = [
        Route("/actions", act, methods=["POST"]),
        Route("/", page),
        Route("/state.json", state),
        Route("/events", events),
        Route("/{name}", file),
    ]
    return _guarded(Starlette(routes=routes), gate)


def _order(body: bytes, gate: PageGate) -> PageOrder:
    """Raises ``ValueError``. What stands in an order is kept, logged and shown."""
    if gate.holds_token(body.decode(errors="replace")):
        raise ValueError(MISPLACED)
    asked = PageOrder.read(body)
    if gate.holds_token(f"{asked.why}\n{asked.what}"):
        raise ValueError(MISPLACED)
    return asked


async def body(request: Request) -> bytes:
    """All of it. Raises ``ValueError`` where it is longer than any action."""
    found = b""
    async for part in request.stream():
        found += part
        if len(found) > LONGEST:
            raise ValueError(f"an action has at most {LONGEST} bytes")
    return found


def said(refusal: PageRefusal) -> Response:
    """One line, and why a browser asks for nothing by itself: the page does."""
    after = {"retry-after": str(refusal.retry_s)} if refusal.retry_s else {}
    return PlainTextResponse(f"{refusal.text}\n", refusal.status, after)


def _answer(request: Request, text: PackedText, kind: str) -> Response:
    if takes_gzip(request.headers):
        return Response(text.whole, headers=_PACKED, media_type=kind)
    return Response(text.plain, media_type=kind)


def _asker(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _guarded(app: ASGIApp, gate: PageGate) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
            await send(message)

        headers = Headers(scope=scope)
        navigates = scope["path"] == "/" and headers.get("sec-fetch-mode") == "navigate"
        refused = gate.refusal(headers, navigates=navigates)
        chosen = said(refused) if refused else app
        await chosen(scope, receive, send_safely)

    return answer
