"""A stranger's plugin, installed in a folder of its own."""

from pathlib import Path

HEAD = """
import os, sys, time
from dataclasses import dataclass
from lbdisc import Provider, events, hookimpl

@dataclass(frozen=True)
class Settings:
    where: str = ""

class Listener:
    def __init__(self, settings):
        self.settings = settings
    def hear(self, event):
        HEARING
    def close(self):
        CLOSING

@hookimpl
def lbdisc_listener():
    return Provider("probe", Settings, Listener)
"""


def listener(folder: Path, hearing: str, closing: str = "pass") -> str:
    """Install a listener named ``probe``; returns what PYTHONPATH has to be."""
    return install(folder, HEAD.replace("HEARING", hearing).replace("CLOSING", closing))


def install(folder: Path, source: str) -> str:
    """Install a plugin named ``probe`` of the module ``source``; returns the PYTHONPATH for it."""
    facts = folder / "lbdisc_probe-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: lbdisc-probe\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[lbdisc]\nprobe = lbdisc_probe\n")
    (folder / "lbdisc_probe.py").write_text(source)
    return str(folder)
