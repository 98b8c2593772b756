"""What the core itself offers, through the hooks that any plugin uses."""
