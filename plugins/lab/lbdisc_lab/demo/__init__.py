"""``lbdisc demo``: the lab's last task on a real HAProxy, with the evidence it asks for."""
