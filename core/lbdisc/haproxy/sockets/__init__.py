"""What HAProxy's sockets understand and answer: a worker's and the master's."""
