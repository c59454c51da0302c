"""The desired state of a cluster, as a file says it: read, compared, brought about, and written."""
