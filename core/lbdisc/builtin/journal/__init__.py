"""The listener ``journal``: one log line for each event."""
