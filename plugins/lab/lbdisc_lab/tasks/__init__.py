"""The lab's tasks 0 to 6 on real containers, and the report that they leave."""
