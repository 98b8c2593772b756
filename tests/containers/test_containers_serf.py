"""What containers go through, over Serf."""

from support.container_matrix import ContainerMatrix


class TestSerf(ContainerMatrix):
    backend = "serf"
