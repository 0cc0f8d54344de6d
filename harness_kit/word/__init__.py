"""Word files: what a reader sees of one, and how one is written."""
