"""What containers go through, over ZooKeeper."""

from container_matrix import ContainerMatrix


class TestZookeeper(ContainerMatrix):
    backend = "zookeeper"
