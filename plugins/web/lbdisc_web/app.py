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
from lbdisc_web.gate import HEADERS, PageGate, PageRefusal
from lbdisc_web.hub import PAGES, OpenPages

STATIC = Path(__file__).parent / "static"
KINDS = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


ACTING = 4  # actions that wait for the agent's answer at once


def application(hub: OpenPages, gate: PageGate, state_dir: Path) -> ASGIApp:
    """What answers; every answer has the headers that keep a browser safe."""
    files = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in KINDS}

    acting = 0

    async def file(request: Request) -> Response:
        name = request.path_params.get("name", "page.html")
        if name not in files:
            return said(PageRefusal(404, "no such file"))
        return Response(files[name], media_type=KINDS[Path(name).suffix])

    async def state(request: Request) -> Response:
        if refused := gate.unread(request.headers):
            return said(refused)
        return Response(json.dumps(hub.now()), media_type="application/json")

    async def events(request: Request) -> Response:
        if refused := gate.unread(request.headers):
            return said(refused)
        if hub.full:
            return said(PageRefusal(503, f"{PAGES} pages are open: close one"))
        return StreamingResponse(hub.stream(), media_type="text/event-stream")

    async def act(request: Request) -> Response:
        nonlocal acting
        if refused := gate.unproven(request.headers):
            return said(refused)
        if acting >= ACTING:
            return said(PageRefusal(503, "other actions wait for the agent: try again"))
        acting += 1
        try:
            asked = PageOrder.read(await body(request))
            asker = request.client.host if request.client else "unknown"
            status, text = await run_in_threadpool(answered, asked, state_dir, asker)
        except ValueError as error:
            return said(PageRefusal(400, str(error)))
        finally:
            acting -= 1
        return said(PageRefusal(status, text))

    routes = [
        Route("/actions", act, methods=["POST"]),
        Route("/", file),
        Route("/state.json", state),
        Route("/events", events),
        Route("/{name}", file),
    ]
    return _guarded(Starlette(routes=routes), gate)


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
    return PlainTextResponse(f"{refusal.text}\n", status_code=refusal.status)


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
