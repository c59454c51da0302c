"""What commands share: options, completion, groups, and how changes are shown."""
