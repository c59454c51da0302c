"""The migration engine: survey a tree, plan what to change, and carry it out."""
