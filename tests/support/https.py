"""What a client reads over TLS, whoever answers."""

import ssl
import urllib.error
import urllib.request


def get(port: int, path: str) -> str:
    """The answer of a server on loopback, whatever its status and its certificate."""
    trusting = ssl._create_unverified_context()
    url = f"https://127.0.0.1:{port}{path}"
    try:
        with urllib.request.urlopen(url, timeout=5, context=trusting) as reply:
            return str(reply.read().decode())
    except urllib.error.HTTPError as error:
        return error.read().decode()
