"""The migration engine: what a tree needs to be at a schema version, and how to get it there."""
