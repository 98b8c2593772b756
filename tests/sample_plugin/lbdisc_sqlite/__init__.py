"""lbdisc on a table of an SQLite database."""
