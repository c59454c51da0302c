"""Check the health of a cluster, as far as its tree shows it."""
