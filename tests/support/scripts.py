"""Programs of a test's own, such as one to be run instead of HAProxy."""

from pathlib import Path


def script(path: Path, text: str) -> str:
    """Make ``path`` a program of this text, whose first line says what reads it; its path."""
    path.write_text(text)
    path.chmod(0o755)
    return str(path)
