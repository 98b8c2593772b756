"""Side-by-side measurements on loopback; each appends its table to ``RESULTS.md``."""
