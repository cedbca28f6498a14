"""The smallest project around the peer, run by an environment of its own."""
