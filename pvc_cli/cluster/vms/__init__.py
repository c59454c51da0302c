"""Virtual machines: find them, read them, change their tags."""
