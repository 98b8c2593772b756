"""The page of an agent of lbdisc, and the same in a terminal."""
