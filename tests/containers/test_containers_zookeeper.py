"""What containers go through, over ZooKeeper."""

from support.container_matrix import ContainerMatrix


class TestZookeeper(ContainerMatrix):
    backend = "zookeeper"
