"""Plans a comparison, runs it cell by cell, and keeps what was measured."""
