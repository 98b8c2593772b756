"""The nodes' web apps."""
