"""The commands: what all of them share, and those that need no loop."""
