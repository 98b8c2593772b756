"""The reloader ``command``: anything with a reload command."""
