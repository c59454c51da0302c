"""The PFs and VFs of nodes: read them, change their settings, claim them for VMs, audit the claims."""
