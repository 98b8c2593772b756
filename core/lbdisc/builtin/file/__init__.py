"""The backend ``file``: a folder of node files."""
