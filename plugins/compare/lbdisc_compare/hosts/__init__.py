"""The hosts that a comparison runs on: loopback addresses, or networks of their own."""
