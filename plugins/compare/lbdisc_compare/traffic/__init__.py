"""Requests while something happens, and what the balancers believe meanwhile."""
