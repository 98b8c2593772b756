"""The lab's web app: says which node answered, counts visits, and is slow on purpose when asked.

``python -m lbdisc_lab.webapp --port 3000 --address 10.0.0.7 --name s1``

``GET /`` answers JSON ``{hello, ip, host, sessionViews, id}`` with the header ``x-backend-ip`` and
the session cookie ``NODESESSID``; ``HEAD /`` is for checks and starts no session;
``POST /delay {"delay": ms}`` delays every answer to both from then on. SIGTERM lets open requests
finish.
"""

import argparse
import asyncio
import ipaddress
import json
import signal
import socket

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from lbdisc_lab.sessions import COOKIE, Sessions

EVERYWHERE = "0.0.0.0"
MOST_DELAY = 60_000  # ms
MOST_BODY = 1024  # bytes
# Longer than a balancer keeps an idle connection: closing one that it is about to use loses a
# request.
KEEP_ALIVE = 75  # seconds
GRACE = 30  # seconds that open requests have to finish


def make(*, name: str, address: str) -> Starlette:
    """The app of the node ``name`` at ``address``, or at whatever address it was asked at."""
    node = _Node(name, address)
    return Starlette(
        routes=[
            Route("/", node.home, methods=["GET", "HEAD"]),
            Route("/delay", node.set_delay, methods=["POST"]),
        ]
    )


class _Node:
    def __init__(self, name: str, address: str) -> None:
        self._name = name
        self._address = address
        self._delay = 0  # ms
        self._sessions = Sessions()

    async def home(self, request: Request) -> Response:
        if self._delay:
            await asyncio.sleep(self._delay / 1000)
        address = self._address or request.scope["server"][0]
        headers = {"x-backend-ip": address}
        if request.method == "HEAD":
            return Response(headers=headers)
        session, views = self._sessions.visit(request.cookies.get(COOKIE))
        answer = {
            "hello": "world!",
            "ip": address,
            "host": self._name,
            "sessionViews": views,
            "id": session,
        }
        response = JSONResponse(answer, headers=headers)
        response.set_cookie(COOKIE, session, httponly=True, samesite="lax")
        return response

    async def set_delay(self, request: Request) -> Response:
        try:
            self._delay = delay_of(await _body(request))
        except ValueError as error:
            return PlainTextResponse(f"{error}\n", status_code=400)
        return JSONResponse({"delay": self._delay})


async def _body(request: Request) -> bytes:
    """The body, read no further than it can be right. Raises ``ValueError``."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY:
            raise ValueError(f"the body is over {MOST_BODY} bytes; {_RIGHT}")
    return body


_RIGHT = f'right is {{"delay": ms}}, a whole number from 0 to {MOST_DELAY}'


def delay_of(body: bytes) -> int:
    """The milliseconds in ``{"delay": ms}``. Raises ``ValueError`` with one line."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError(f"the body is no JSON; {_RIGHT}") from None
    delay = found.get("delay") if isinstance(found, dict) else None
    if isinstance(delay, int) and not isinstance(delay, bool) and 0 <= delay <= MOST_DELAY:
        return delay
    raise ValueError(f"the body is no such delay; {_RIGHT}")


def serve(*, port: int, address: str, name: str) -> None:
    """Serve on ``address:port`` until SIGTERM or SIGINT; open requests are answered first.

    On all addresses (IPv4) if ``address`` is empty, also on those that the machine gets later.
    """
    app = make(name=name, address=address)
    config = uvicorn.Config(
        app,
        host=address or EVERYWHERE,
        port=port,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="info",
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
    )
    # uvicorn raises the signal again once it has stopped; a clean stop shall end with code 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    uvicorn.Server(config).run()


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65535:
        raise ValueError(text)
    return port


def main(arguments: list[str] | None = None) -> None:
    """The command line of the web app."""
    parser = argparse.ArgumentParser(prog="lbdisc-webapp", description="The lab's sample web app.")
    parser.add_argument("--port", type=_port, default=3000, help="1 to 65535 (default: 3000)")
    parser.add_argument("--address", default="", help="to listen on and to tell (default: all)")
    parser.add_argument("--name", default=socket.gethostname(), help="default: the host's name")
    given = parser.parse_args(arguments)
    try:
        ipaddress.ip_address(given.address or EVERYWHERE)
    except ValueError:
        parser.error(f"argument --address: {given.address!r} is no IP address")
    serve(port=given.port, address=given.address, name=given.name)


if __name__ == "__main__":
    main()
