"""``lbdisc register``: makes one instance known while its check passes."""
