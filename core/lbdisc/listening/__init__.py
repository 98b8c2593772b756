"""Telling listeners what happens."""
