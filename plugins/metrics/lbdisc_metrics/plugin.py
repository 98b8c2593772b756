"""The hooks of lbdisc-metrics. Everything heavy is imported when it is needed, not before."""
