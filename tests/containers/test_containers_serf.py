"""What containers go through, over Serf."""

from container_matrix import ContainerMatrix


class TestSerf(ContainerMatrix):
    backend = "serf"
