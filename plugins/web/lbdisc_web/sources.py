"""Where ``lbdisc top`` has the document from: the agent's page, else its state folder."""

import http.client
import json
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lbdisc.errors import LbdiscError
from lbdisc.observed import HealthState, ServerHealth
from lbdisc.state.store import Store
from lbdisc.values import Endpoint, Snapshot
from lbdisc_web.reading import told
from lbdisc_web.seen import PageSeen, ServerOpinion
from lbdisc_web.settings import WebSettings
from lbdisc_web.view import SCHEMA, Document, document

PATIENCE = 2.0  # seconds for the page's answer
LARGEST = 64 * 1024 * 1024  # bytes of it


def current(settings: WebSettings, state_dir: Path) -> Document:
    """As it is now. Raises ``LbdiscError`` where no agent has used ``state_dir``.

    ``source`` is ``page`` or ``files``; these know of no events, no loads and no other agents.
    """
    if settings.bind and (found := of_page(settings)) is not None:
        return {**found, "source": "page"}
    return {**of_files(settings, state_dir), "source": "files"}


def of_page(settings: WebSettings) -> Document | None:
    """What the page says; ``None`` where it does not answer, or is another's."""
    asked = {"Authorization": f"Bearer {settings.secret}"} if settings.secret else {}
    connection = _connection(settings)
    try:
        connection.request("GET", "/state.json", headers=asked)
        answer = connection.getresponse()
        found = json.loads(answer.read(LARGEST)) if answer.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return found if isinstance(found, dict) and found.get("schema") == SCHEMA else None


def _connection(settings: WebSettings) -> http.client.HTTPConnection:
    place = urlsplit(settings.url)
    host, port = place.hostname or "", place.port
    if settings.tls_cert is None:
        return http.client.HTTPConnection(host, port, timeout=PATIENCE)
    # Asked for by address: it is the very certificate that counts, not the names in it.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(settings.tls_cert)
    except OSError as error:
        raise LbdiscError(f"web.tls_cert {settings.tls_cert}: {error}") from error
    return http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=context)


def of_files(settings: WebSettings, state_dir: Path) -> Document:
    """What the state folder says. Raises ``LbdiscError``."""
    store = Store(state_dir)
    if store.status() is None and store.holder is None:
        raise LbdiscError(f"no agent has used state_dir {state_dir} yet: start `lbdisc run`")
    found = told(state_dir, settings.services)
    seen = _remembered(store.last_snapshot() or Snapshot(), found.status)
    return document(found, seen, now_s=time.time())


def _remembered(served: Snapshot, status: Mapping[str, Any]) -> PageSeen:
    opinions = {e.key: ServerOpinion(health=_health(e, status)) for e in served.endpoints}
    return PageSeen(endpoints=served.endpoints, opinions=opinions)


def _health(endpoint: Endpoint, status: Mapping[str, Any]) -> ServerHealth:
    """The status names those that are not up, as far as there is room; never a guess."""
    seen = (status.get("servers") or {}).get(endpoint.service)
    if seen is None:
        return ServerHealth(endpoint, "unknown")
    for one in seen["not_up"]:
        if one["name"] == endpoint.name:
            return ServerHealth(endpoint, one["state"], one["why"])
    all_named = len(seen["not_up"]) == seen["servers"] - seen["up"]
    state: HealthState = "up" if all_named and not endpoint.draining else "unknown"
    return ServerHealth(endpoint, state)
