"""What plugin authors test with: the contract every backend keeps, and tools to break things."""
