"""What containers go through, over etcd."""

from support.container_matrix import ContainerMatrix


class TestEtcd(ContainerMatrix):
    backend = "etcd"
