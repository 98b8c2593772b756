"""The alternatives to lbdisc, each at its best settings."""
