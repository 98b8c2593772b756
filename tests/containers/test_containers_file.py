"""What containers go through, over a shared folder."""

from support.container_matrix import ContainerMatrix


class TestFile(ContainerMatrix):
    backend = "file"
