"""What `lbdisc doctor` looks at, each look bounded in time, and what comes of all."""
