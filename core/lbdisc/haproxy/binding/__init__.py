"""The addresses that a configuration has HAProxy listen on, and whether it will get them."""
