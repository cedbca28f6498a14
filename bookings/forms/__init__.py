"""Forms: they parse and explain, and change nothing."""
