"""Compares the ways of auto-discovery: the same work, one report."""
