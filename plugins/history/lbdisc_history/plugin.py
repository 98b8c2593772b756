"""The hooks of lbdisc-history. Everything heavy is imported when it is needed, not before."""
