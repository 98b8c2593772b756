"""Metrics of lbdisc for Prometheus, health for supervisors, spans for OpenTelemetry."""
