"""Settings: where they are found, how they are merged, checked and explained."""
