"""Virtual machines: what the tree says of them, how to find them, and their tags."""
