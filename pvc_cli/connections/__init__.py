"""Which cluster is meant, how to authenticate, and a session with it."""
