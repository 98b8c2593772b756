"""Samples as a page, a summary and a table."""
