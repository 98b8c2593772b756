"""What is compared: lbdisc on its registries, and the alternatives to it."""
