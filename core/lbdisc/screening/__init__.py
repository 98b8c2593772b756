"""Which of the endpoints in the registry may be served: those at allowed addresses."""
