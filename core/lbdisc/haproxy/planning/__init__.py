"""What it takes to go from one configuration to another. Pure."""
