"""The hooks of lbdisc-web. Everything heavy is imported when it is needed, not before."""
