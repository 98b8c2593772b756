"""The hooks of lbdisc-serf."""
