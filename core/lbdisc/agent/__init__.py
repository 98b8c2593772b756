"""``lbdisc run``: keeps a load balancer in step with a registry."""
