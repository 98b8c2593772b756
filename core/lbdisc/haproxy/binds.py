"""Where in the file system a socket's address leads to."""


def unix_path(address: str) -> str:
    """The path of a Unix socket address, or ``""``."""
    text = address.removeprefix("unix@").removeprefix("uxst@")
    return text if text.startswith("/") or text != address else ""
