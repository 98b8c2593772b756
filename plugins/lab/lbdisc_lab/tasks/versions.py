"""What the lab was played with: images and the versions of the programs in them."""

import json
import re

from lbdisc import __version__
from lbdisc_lab.containers.backends import IMAGE, LabBackend
from lbdisc_lab.containers.docker import DockerError, docker, inspect
from lbdisc_lab.tasks.values import Image

LAYER = 12  # characters of a layer's digest that tell it apart

# By the image, what to ask in it; the first number with a dot in the answer is the version.
_ASKED: dict[str, dict[str, tuple[str, ...]]] = {
    "ha": {
        "HAProxy": ("haproxy", "-v"),
        "Serf": ("serf", "version"),
        "Python": ("python3", "-V"),
    },
    "etcd": {"etcd": ("etcd", "--version")},
    "zookeeper": {"ZooKeeper": ("dpkg-query", "--show", "libzookeeper-java")},
}


def images(backend: LabBackend) -> tuple[Image, ...]:
    """The images in play. Raises ``DockerError`` when one is not there."""
    return tuple(_image(name) for name in ("base", *_with_programs(backend, "webapp")))


def _with_programs(backend: LabBackend, *more: str) -> tuple[str, ...]:
    return ("ha", *more, *([backend.server] if backend.server else []))


def _image(name: str) -> Image:
    found = inspect("image", IMAGE.format(name))
    return Image(
        name=f"lbdisc/{name}",
        identity=str(found["Id"]).removeprefix("sha256:")[:LAYER],
        size=int(found["Size"]),
        layers=tuple(layer.removeprefix("sha256:")[:LAYER] for layer in found["RootFS"]["Layers"]),
    )


def versions(backend: LabBackend) -> dict[str, str]:
    """The version of each program, by its name. Raises ``DockerError`` when the engine is away."""
    server = json.loads(docker("version", "--format", "{{json .Server}}"))
    found = {"lbdisc": __version__, "Docker engine": str(server["Version"])}
    for image in _with_programs(backend):
        for name, command in _ASKED.get(image, {}).items():
            found[name] = _asked(image, *command)
    return found


def _asked(image: str, program: str, *arguments: str) -> str:
    words = ("--rm", "--network", "none", "--entrypoint", program)
    try:
        said = docker("run", *words, IMAGE.format(image), *arguments)
    except DockerError as error:
        return f"unknown ({error})"
    number = re.search(r"\d+(\.\d+)+", said)
    return number.group() if number else "unknown"
