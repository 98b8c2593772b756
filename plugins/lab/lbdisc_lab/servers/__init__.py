"""Real servers of the registries, started on loopback for tests, measurements and the demo."""
