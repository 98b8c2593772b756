"""What happened to a load balancer, and why: the journal of lbdisc."""
