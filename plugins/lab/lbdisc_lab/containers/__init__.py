"""Driving real containers: the ``docker`` command, and a site of balancer, nodes and registry."""
