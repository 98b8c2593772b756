"""What tests of whole programs share: scenes, registries as worlds, faults, and their report."""
