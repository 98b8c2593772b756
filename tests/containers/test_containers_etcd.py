"""What containers go through, over etcd."""

from container_matrix import ContainerMatrix


class TestEtcd(ContainerMatrix):
    backend = "etcd"
