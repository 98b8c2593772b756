"""The hooks of lbdisc-lab."""
