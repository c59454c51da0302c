"""The commands: they parse, make one call, and show what it gives. No paths, no logic."""
